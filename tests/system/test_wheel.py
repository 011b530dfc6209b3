"""The wheel, built from a clone with a tag."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    run("git", "clone", "--quiet", "--no-tags", "--depth=1", ROOT.as_uri(), clone, folder=folder)
    run("git", "tag", "v9.8.7", folder=clone)
    run(
        *(sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"),
        *("-w", folder, clone),
        folder=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_its_version_is_the_tags(wheel: Path) -> None:
    assert wheel.name == "edgemeet-9.8.7-py3-none-any.whl"


def test_it_carries_the_units_and_the_example_configuration(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("edgemeet/share/edgemeet.toml") == (ROOT / "config/edgemeet.toml").read_bytes()
    units = {path.name for path in (ROOT / "systemd").iterdir() if path.is_file()}
    assert {f"edgemeet/share/systemd/{name}" for name in units} <= names
    examples = {path.name for path in (ROOT / "systemd/examples").iterdir()}
    assert {f"edgemeet/share/systemd/examples/{name}" for name in examples} <= names
