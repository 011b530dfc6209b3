"""`edgemeet config check --json`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import typer
from pydantic import BaseModel

from edgemeet.config import ConfigInvalid, ConfigMissing, load


class FaultView(BaseModel):
    """One thing to mend."""

    file: str | None
    key: str
    problem: str
    suggestion: str | None
    code: str


class Checked(BaseModel):
    """What is wrong with a configuration."""

    schema_version: Literal[1] = 1
    good: bool
    faults: tuple[FaultView, ...] = ()


def print_check(config: Path | None) -> int:
    """Print the faults; returns the exit code."""
    try:
        load(config)
    except ConfigInvalid as error:
        faults = tuple(
            FaultView(
                file=one.file, key=one.key, problem=one.problem, suggestion=one.suggestion, code=one.code
            )
            for one in error.faults
        )
    except ConfigMissing as error:
        faults = (FaultView(file=None, key="", problem=error.message, suggestion=None, code=error.code),)
    else:
        faults = ()
    typer.echo(Checked(good=not faults, faults=faults).model_dump_json(indent=2))
    return os.EX_CONFIG if faults else 0
