"""Results as Markdown, and the places in docs/performance.md and README.md that hold them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from measuring.record import Cell, Column, Figure, Result, Table

_PROJECT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = _PROJECT / "docs" / "performance.md"
README: Final = _PROJECT / "README.md"
_LINE_LENGTH: Final = 120
AIMS: Final = "aims"  # the place that holds the figures of all benchmarks


class NoPlace(Exception):
    """The page has no marks for a result."""


def table(found: Table) -> str:
    """One table, with its title in front."""
    heading = f"{found.title}\n\n" if found.title else ""
    lines = [
        _line(column.title for column in found.columns),
        _line("---" if index == 0 else "---:" for index, _ in enumerate(found.columns)),
        *(_line(_cells(row, found.columns)) for row in found.rows),
    ]
    return heading + "".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cells(row: tuple[Cell, ...], columns: tuple[Column, ...]) -> Iterable[str]:
    for cell, column in zip(row, columns, strict=True):
        match cell:
            case None:
                yield ""
            case float():
                yield f"{cell:.{column.digits}f}"
            case _:
                yield str(cell).replace("|", "\\|").replace("\n", " ")


def result(found: Result) -> str:
    """All of a result: tables, notes, and where and when it was."""
    versions = ", ".join(f"{each.name} {each.version}" for each in found.versions)
    parts = [*(table(each) for each in found.tables), *(wrapped(note) for note in found.notes)]
    if found.measured_here:
        told = f"Measured {found.date} UTC on {found.machine.line()}."
        parts.append(wrapped(f"{told} {versions}." if versions else told))
    return "\n".join(parts)


def wrapped(text: str) -> str:
    """A paragraph, in lines as the other pages have them."""
    return textwrap.fill(text, _LINE_LENGTH, break_long_words=False, break_on_hyphens=False) + "\n"


def aims(results: Iterable[Result]) -> str:
    """The figures that have an aim, and whether it is met."""
    columns = (Column(title="what"), Column(title="aim"), Column(title="measured"), Column(title="met"))
    rows = tuple(
        (figure.name, f"{figure.aim:g}{_unit(figure)}", f"{figure.value:.3g}{_unit(figure)}", _met(figure))
        for each in results
        for figure in each.figures
        if figure.aim is not None
    )
    return table(Table(columns=columns, rows=rows))


def _unit(figure: Figure) -> str:
    return f" {figure.unit}" if figure.unit else ""


def _met(figure: Figure) -> str:
    assert figure.aim is not None
    return "yes" if figure.value <= figure.aim else "**no**"


def fill(page: str, results: list[Result]) -> str:
    """The page with every result in its place.

    Raises:
        NoPlace: a result has no place; the message says which marks are missing.
    """
    page = fill_aims(page, results)
    for each in results:
        page = _put(page, each.name, result(each))
    return page


def fill_aims(page: str, results: list[Result]) -> str:
    """The page with the aims in their place.

    Raises:
        NoPlace: as of `fill`.
    """
    return _put(page, AIMS, aims(results))


def _put(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- bench {name}: begin -->\n", f"<!-- bench {name}: end -->\n"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise NoPlace(f"there is no place for {name}: {begin.strip()} {end.strip()}")
    return f"{before}{begin}\n{text}\n{end}{after}"
