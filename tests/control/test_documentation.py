"""docs/control.md says what the server answers."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from starlette.routing import Route

from edgemeet.cli.exits import exit_code
from edgemeet.control.application import create_app
from edgemeet.control.reference import tables
from edgemeet.errors import ControlError

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "control.md").read_text()
SERVER_ROOMS = ("control", "supervisor", "media", "cli", "telemetry")


def routes() -> set[str]:
    app = create_app(daemon=None, closing=asyncio.Event())  # type: ignore[arg-type]  # no request is made
    return {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_route_has_a_chapter_and_every_chapter_a_route() -> None:
    assert set(re.findall(r"^### `(\S+ \S+)`$", DOCUMENT, re.MULTILINE)) == routes()


def test_every_chapter_shows_its_request_with_curl() -> None:
    chapters = re.split(r"^##+ ", DOCUMENT, flags=re.MULTILINE)
    shown = 0
    for chapter in chapters:
        heading = re.match(r"`(\S+) (\S+)`$", chapter, re.MULTILINE)
        if heading:
            method, path = heading.groups()
            (command,) = re.findall(r"^curl .*$", chapter, re.MULTILINE)
            words = shlex.split(command.partition("|")[0])
            assert f"http://edgemeet{path}" in words
            assert ("POST" in words) is (method == "POST")
            shown += 1
    assert shown == len(routes())


def test_the_models_are_those_of_the_code() -> None:
    assert DOCUMENT.endswith("\n" + tables()), (
        "run `python -m edgemeet.control.reference` and put its output at the end of docs/control.md"
    )


def test_the_module_prints_the_tables() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "edgemeet.control.reference"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == tables()


def test_every_code_is_listed_and_every_listed_code_exists() -> None:
    sources = "".join(
        path.read_text() for room in SERVER_ROOMS for path in (ROOT / "edgemeet" / room).rglob("*.py")
    )
    in_sources = set(re.findall(r'"((?:control|snapshot)\.[a-z_]+)"', sources)) - {"control.sock"}
    assert set(re.findall(r"^\| `((?:control|snapshot)\.\w+)` \|", DOCUMENT, re.MULTILINE)) == in_sources


@pytest.mark.parametrize(
    ("code", "number"), re.findall(r"^\| `(control\.\w+)` \| (\d\d?) \|", DOCUMENT, re.MULTILINE)
)
def test_exit_codes_are_those_of_the_command_line(code: str, number: str) -> None:
    assert exit_code(ControlError("", code=code)) == int(number)
    assert int(number) in {1, os.EX_UNAVAILABLE, os.EX_NOPERM, os.EX_TEMPFAIL}
