"""Every command that prints JSON says which version of its document it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from edgemeet.cli.app import app


def commands(command: Any, *above: str) -> dict[tuple[str, ...], Any]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {above: command}
    return {path: found for name, one in inner.items() for path, found in commands(one, *above, name).items()}


def edgemeet(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EDGEMEET_")}
    return subprocess.run(
        [sys.executable, "-m", "edgemeet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean | environ,
        check=False,
    )


def test_what_has_no_json_has_a_reason() -> None:
    without = {
        " ".join(path)
        for path, command in commands(typer.main.get_command(app)).items()
        if "--json" not in {name for option in command.params for name in option.opts}
    }
    # These run, print a document of another kind, or become another program.
    reasons = {"run", "sandbox", "watch", "logs", "snapshot", "config show", "config schema"}
    assert "" not in without
    # The provisioning server is another program's business: for programs it has an admin API.
    devices = {path for path in without if not path.startswith("provision ")}
    assert devices - {"enroll"} <= reasons


def test_versions() -> None:
    document = json.loads(edgemeet("version", "--json").stdout)
    assert document["schema_version"] == 1
    assert document["parts"]["aiortc"]
    assert "Python" in edgemeet("version").stdout


@pytest.mark.parametrize(
    ("text", "good", "code"),
    [
        ('[meeting]\nid = "abcd-efgh-ijkl"\n[provisioning]\nurl = "http://127.0.0.1:9/"', True, 0),
        ("[camera]\nwidth = 1281", False, 78),
    ],
)
def test_faults_of_a_configuration(tmp_path: Path, text: str, good: bool, code: int) -> None:
    file = tmp_path / "edgemeet.toml"
    file.write_text(text)
    done = edgemeet("config", "check", "--json", "--config", str(file))
    document = json.loads(done.stdout)
    assert (done.returncode, document["good"], document["schema_version"]) == (code, good, 1)
    assert ("camera.width" in {fault["key"] for fault in document["faults"]}) is not good


def test_the_completion_of_a_shell_can_be_had() -> None:
    program = Path(sys.executable).parent / "edgemeet"
    done = subprocess.run(
        [str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"_EDGEMEET_COMPLETE": "source_bash"},
    )
    assert done.returncode == 0
    assert "complete " in done.stdout
    names = subprocess.run(
        [str(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ
        | {"_EDGEMEET_COMPLETE": "complete_bash", "COMP_WORDS": "edgemeet do", "COMP_CWORD": "1"},
    ).stdout.split()
    assert names == ["doctor"]


def test_logs_without_a_journal_say_so(tmp_path: Path) -> None:
    done = edgemeet("logs", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "there is no journal" in done.stderr


def test_logs_are_the_units(tmp_path: Path) -> None:
    journal = tmp_path / "journalctl"
    journal.write_text('#!/bin/sh\necho "$@"\n')
    journal.chmod(0o755)
    done = edgemeet("logs", "-f", "-n", "7", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.stdout == "--unit=edgemeet.service --lines=7 --follow\n"
