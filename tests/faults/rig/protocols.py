"""Which way the device goes in: the native signaling, or WHIP."""

from __future__ import annotations

from typing import Final, Literal

import pytest

Protocol = Literal["native", "whip"]

NATIVE: Final[Protocol] = "native"
WHIP: Final[Protocol] = "whip"

# The same test over both. tests/test_fault_rows.py and the table in tests/README.md know it by this name.
both_protocols: Final = pytest.mark.parametrize("protocol", [NATIVE, WHIP], indirect=True)
