"""`edgemeet version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import typer
from pydantic import BaseModel

from edgemeet.version import own_version

PARTS = ("aiortc", "av", "picamera2", "pyalsaaudio")


class Versions(BaseModel):
    """What a report of a defect should name."""

    schema_version: Literal[1] = 1
    edgemeet: str
    python: str
    kernel: str
    machine: str
    parts: dict[str, str | None]


def show(*, json: bool) -> None:
    """Print the versions."""
    found = Versions(
        edgemeet=own_version(),
        python=platform.python_version(),
        kernel=platform.release(),
        machine=platform.machine(),
        parts={name: _installed(name) for name in PARTS},
    )
    if json:
        typer.echo(found.model_dump_json(indent=2))
        return
    typer.echo(f"edgemeet {found.edgemeet}")
    typer.echo(f"Python {found.python}, Linux {found.kernel}, {found.machine}")
    typer.echo(", ".join(f"{name} {there or 'not installed'}" for name, there in found.parts.items()))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
