"""docs/devices.md names every code that a device error can have."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ABOUT_THE_SIGNAL = {"device.silent", "device.frozen", "device.black"}  # health, in docs/control.md


def test_every_code_is_told():
    document = (ROOT / "docs" / "devices.md").read_text()
    sources = [*(ROOT / "edgemeet" / "media").rglob("*.py"), ROOT / "edgemeet" / "errors.py"]
    raised = {code for path in sources for code in re.findall(r'"(device\.[a-z_]+)"', path.read_text())}
    told = set(re.findall(r"`(device\.[a-z_]+)`", document))
    assert raised - {"device.error"} - ABOUT_THE_SIGNAL == told - ABOUT_THE_SIGNAL


def test_what_waits_for_hardware_is_where_it_is_said_to_be():
    section = (ROOT / "docs" / "devices.md").read_text().partition("## Waits for hardware")[2]
    named = set(re.findall(r"`(?:\S*/)?(\w+\.py)`", section))
    there = {path.name for path in (ROOT / "edgemeet" / "media").rglob("*.py")}
    assert named
    assert named <= there
