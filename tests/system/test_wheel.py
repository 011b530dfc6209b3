"""The wheel that scripts/test-system built from a clone with the tag v9.8.7."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from machine import needed

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel() -> Path:
    return Path(needed("SYSTEM_TAGGED_WHEEL"))


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
