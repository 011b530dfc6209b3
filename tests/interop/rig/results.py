"""What was tried and what came of it: the table in tests/README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

_BEGIN, _END = "<!-- interop: begin -->", "<!-- interop: end -->"
_HEADER = """\
| sender | through | receiver | codec | layers | media over | result | seconds |
|---|---|---|---|---|---|---|---|
"""


def slowest_switch(seconds: Sequence[float]) -> str:
    """Layers change. The aim is a second; the table says what it took, on two cores that do all of this.

    Returns:
        What the table says of it.
    """
    *others, slowest = sorted(seconds)
    assert max(others) < 3, seconds
    assert slowest < 10, seconds
    return f"(layers switched within {others[-1]:.2f} s, the slowest {slowest:.2f} s)"


@dataclass
class Row:
    """One row; `seconds` is filled in when it is known."""

    test: str
    sender: str
    through: str
    receiver: str
    codec: str
    layers: str
    transport: str
    seconds: float | None = None
    note: str = ""

    def line(self, passed: bool) -> str:
        seconds = "" if self.seconds is None else f"{self.seconds:.2f}"
        cells = (
            *(self.sender, self.through, self.receiver, self.codec, self.layers, self.transport),
            *("pass" if passed else "FAIL", f"{seconds} {self.note}".strip()),
        )
        return f"| {' | '.join(cells)} |\n"


@dataclass
class Results:
    """All rows of a run, and which tests passed."""

    rows: list[Row] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)

    def write(self, path: Path) -> None:
        """Put the table between the two marks in the file."""
        lines = [row.line(row.test in self.passed) for row in self.rows]
        before, _, rest = path.read_text().partition(_BEGIN)
        after = rest.partition(_END)[2]
        path.write_text(f"{before}{_BEGIN}\n{_HEADER}{''.join(lines)}{_END}{after}")
