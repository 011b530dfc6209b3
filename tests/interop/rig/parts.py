"""Where `scripts/interop` put what it built. A part that is missing fails a test, it skips none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]


def part(name: str) -> Path:
    """The path in INTEROP_<name>."""
    value = os.environ.get(f"INTEROP_{name}", "")
    if not value or not Path(value).exists():
        pytest.fail(f"INTEROP_{name} names nothing: run ./scripts/interop")
    return Path(value)


def in_namespace(name: str | None, *command: str) -> tuple[str, ...]:
    """`command` within a network namespace, or as it is."""
    return ("ip", "netns", "exec", name, *command) if name else command
