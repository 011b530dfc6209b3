from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edgemeet.config import ConfigInvalid, Settings, load

# What a configuration needs at the least; tests add what they are about.
NEEDED = '[meeting]\nid = "abcd-efgh-ijkl"\n[provisioning]\nurl = "https://example.com/get-token"\n'

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


@pytest.fixture
def needed() -> str:
    return NEEDED


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "edgemeet.toml"


@pytest.fixture
def read(config_file: Path) -> Callable[..., Settings]:
    """Load this TOML, with these variables and no others."""

    def read(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        config_file.write_text(text)
        return load(config_file, environ=environ or {})

    return read


@pytest.fixture
def faults(read: Callable[..., Settings], config_file: Path) -> Faults:
    """The fault lines of this TOML, with the file's path as FILE."""

    def faults(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        try:
            read(text, environ)
        except ConfigInvalid as error:
            return [str(fault).replace(str(config_file), "FILE") for fault in error.faults]
        return []

    return faults
