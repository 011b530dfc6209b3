"""How long media was away after each fault: a histogram of what `test-faults --measure` wrote down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from measuring.command import conclude, new_parser
from measuring.record import Column, Result, Table, found

README = Path(__file__).resolve().parents[1] / "tests" / "README.md"
EDGES = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, float("inf"))  # seconds
_BAR = "█"


@dataclass(frozen=True)
class Recovered:
    """One row of the table of faults that has times: seconds."""

    row: int
    aim: float | None
    median: float
    worst: float


def read_table(text: str) -> list[Recovered]:
    """The rows with times in the table of tests/README.md."""
    lines = text.partition("<!-- faults: begin -->")[2].partition("<!-- faults: end -->")[0].splitlines()
    header, *rows = (
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    )
    named = [dict(zip(header, cells, strict=True)) for cells in rows if cells[0].isdigit()]
    return [
        Recovered(
            row=int(each["row"]),
            aim=float(each["aim, s"]) if each["aim, s"] else None,
            median=float(each["median, s"]),
            worst=float(each["worst, s"]),
        )
        for each in named
        if each["median, s"]
    ]


def histogram(seconds: Iterable[float], edges: Sequence[float] = EDGES) -> list[int]:
    """How many lie between each edge and the next; an edge itself belongs to what is above it."""
    values = list(seconds)
    return [sum(low <= value < high for value in values) for low, high in pairwise(edges)]


def measured(readme: Path = README) -> Result:
    """Of medians and worst cases."""
    rows = read_table(readme.read_text())
    medians = histogram(each.median for each in rows)
    worst = histogram(each.worst for each in rows)
    named = [
        ", ".join(str(each.row) for each in rows if low <= each.median < high)
        for low, high in pairwise(EDGES)
    ]
    shown = [
        (_range(low, high), count, _BAR * count, late, which)
        for (low, high), count, late, which in zip(pairwise(EDGES), medians, worst, named, strict=True)
    ]
    aimed = [each for each in rows if each.aim is not None]
    met = sum(each.median <= each.aim for each in aimed if each.aim is not None)
    return found(
        "recovery",
        [Table(columns=COLUMNS, rows=tuple(shown))],
        measured_here=False,
        notes=[
            f"Of {len(rows)} kinds of faults with times in tests/README.md, which says how those were "
            f"measured and from when each is counted. {len(aimed)} have an aim; the medians of {met} meet it."
        ],
    )


COLUMNS = tuple(
    Column(title=title) for title in ("seconds", "medians", "", "worst cases", "rows, by their median")
)


def _range(low: float, high: float) -> str:
    return f"{low:g} and more" if high == float("inf") else f"{low:g} to {high:g}"


def main() -> None:
    """Command line."""
    parser = new_parser("recovery", __doc__)
    arguments = parser.parse_args()
    result = measured()
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
