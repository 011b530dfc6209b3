"""What `python -X importtime` writes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from measuring.importing import ASKED, read

TOLD = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:       250 |        350 | encodings
import time:      3000 |       9000 |     pydantic.main
import time:      1000 |      10000 |   pydantic
import time:       500 |      11000 | edgemeet.rtc.pacer
import time:       700 |      11000 | edgemeet.rtc
12:00 INFO camera: import time:       800 |        800 | av
"""


def test_modules_are_summed_by_package() -> None:
    seen = read(TOLD)
    assert [(each.name, each.modules) for each in seen.packages] == [
        ("pydantic", 2),
        ("edgemeet.rtc", 2),
        ("Python itself", 2),
    ]
    assert seen.seconds == pytest.approx(0.00555)
    assert seen.modules == 6


def test_a_real_import_is_seen() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import edgemeet.encoded"],
        env=os.environ | ASKED,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = read(told.stderr)
    assert {"edgemeet", "edgemeet.encoded", "Python itself"} <= {each.name for each in seen.packages}
    assert 0 < seen.seconds < 30
