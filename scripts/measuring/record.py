"""What a benchmark found, as it is kept in docs/performance/NAME.json."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from measuring.machine import Machine, Version

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "performance"

Cell = str | int | float | None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Column(_Model):
    """Its title, with the unit, and how many digits its numbers have behind the point."""

    title: str
    digits: int = 2


class Table(_Model):
    """One table. A cell that is None could not be measured; a row that failed says why in its last cell."""

    title: str = Field(default="", description="shown above it")
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Figure(_Model):
    """A single number that the project has an aim for, or that CI compares with."""

    name: str
    value: float
    unit: str = Field(default="", description="empty for ratios")
    aim: float | None = Field(default=None, description="the most it should be")


class Result(_Model):
    """All that one benchmark found in one run. Made by `found`."""

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z]+$", description="of the benchmark: scripts/bench_NAME.py")
    date: str = Field(description="UTC, to the minute")
    machine: Machine
    versions: tuple[Version, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="sentences that belong under the tables")
    measured_here: bool = Field(default=True, description="false: drawn from what was measured elsewhere")

    def write(self, folder: Path = FOLDER) -> None:
        """Keep it; `./scripts/bench report` shows it in docs/performance.md."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.json").write_text(self.model_dump_json(indent=1) + "\n")


def found(
    name: str,
    tables: Sequence[Table],
    *,
    figures: Sequence[Figure] = (),
    versions: Sequence[Version] = (),
    notes: Sequence[str] = (),
    measured_here: bool = True,
) -> Result:
    """A result with the date and machine of now."""
    return Result(
        name=name,
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        machine=Machine.this(),
        versions=tuple(versions),
        tables=tuple(tables),
        figures=tuple(figures),
        notes=tuple(notes),
        measured_here=measured_here,
    )


def read(name: str, folder: Path = FOLDER) -> Result | None:
    """What was kept of a benchmark, if anything was.

    Raises:
        pydantic.ValidationError: the file is something else.
    """
    file = folder / f"{name}.json"
    return Result.model_validate_json(file.read_text()) if file.exists() else None


def read_all(folder: Path = FOLDER) -> list[Result]:
    """All that is kept, in the order of the names."""
    return [Result.model_validate_json(file.read_text()) for file in sorted(folder.glob("*.json"))]
