"""docs/troubleshoot.md has the codes, the man page the commands, docs/operate.md the checks."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from edgemeet.cli import exits
from edgemeet.cli.app import app
from edgemeet.doctor.checks import CHECKS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CODE = r'"([a-z]+\.[a-z_]+)"'


def sources(*rooms: str) -> str:
    return "".join(path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py"))


def listed() -> set[str]:
    rows = re.findall(r"^\| (`[^|]+`) \|", (DOCS / "troubleshoot.md").read_text(), re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_every_code_of_the_doctor_and_of_telemetry_is_explained() -> None:
    families = (
        "auth",
        "clock",
        "credentials",
        "device",
        "doctor",
        "host",
        "metrics",
        "mqtt",
        "network",
        "unit",
    )
    raised = {
        code
        for code in re.findall(CODE, sources("edgemeet/doctor", "edgemeet/telemetry"))
        if code.partition(".")[0] in families
    }
    assert raised - listed() == set()


def test_no_code_is_explained_that_is_never_raised() -> None:
    known = set(re.findall(CODE, sources("edgemeet")))
    # Made from what a capture says of its signal.
    known |= {f"device.{signal}" for signal in ("silent", "frozen", "black")}
    assert listed() - known == set()


def test_every_check_has_a_row() -> None:
    text = (DOCS / "operate.md").read_text()
    rows = re.findall(r"^\| (`[^|]+`) \| (?!does)", text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert {check.name for check in CHECKS} - named == set()


def test_exit_codes_stand_in_every_place() -> None:
    codes = set(re.findall(r"^(\d+)", exits.__doc__ or "", re.MULTILINE))
    for text in ((DOCS / "operate.md").read_text(), (DOCS / "man" / "edgemeet.1").read_text()):
        assert codes - set(re.findall(r"\b\d+\b", text)) == set()


def test_the_man_page_has_every_command() -> None:
    page = (DOCS / "man" / "edgemeet.1").read_text()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    missing = {name for name in commands if not re.search(rf"\b{name}\b", page)}
    assert missing - {"provision"} == set()
