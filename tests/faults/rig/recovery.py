"""Seconds until media was back, and the table of all rows in tests/README.md."""

from __future__ import annotations

import json
import re
import statistics
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rig.protocols import NATIVE, WHIP, Protocol

HERE: Final = Path(__file__).resolve().parents[1]
ROWS: Final = HERE / "rows.toml"
_BEGIN: Final = "<!-- faults: begin -->"
_END: Final = "<!-- faults: end -->"
_HEADER: Final = """\
| row | fault | what must be true then | proven in | aim, s | median, s | worst, s | runs | over WHIP, s |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One measurement of one row, over one protocol."""

    row: int
    protocol: Protocol
    seconds: float

    def append(self, file: Path) -> None:
        """One line, written at once: several processes measure side by side."""
        with file.open("a") as opened:
            measurement = {"row": self.row, "protocol": self.protocol, "seconds": round(self.seconds, 3)}
            opened.write(json.dumps(measurement) + "\n")


Key = tuple[int, Protocol]


def measured(file: Path) -> dict[Key, list[float]]:
    """All measurements in a file, by row and protocol."""
    found: dict[Key, list[float]] = defaultdict(list)
    for line in file.read_text().splitlines() if file.exists() else ():
        each = json.loads(line)
        found[each["row"], each["protocol"]].append(each["seconds"])
    return dict(found)


def read_rows(file: Path = ROWS) -> list[dict[str, Any]]:
    """The rows as they stand in rows.toml."""
    rows: list[dict[str, Any]] = tomllib.loads(file.read_text())["row"]
    return rows


Times = tuple[str, str, str]  # median, worst, how many


def times(seconds: Sequence[float]) -> Times:
    """As the table shows them."""
    return f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}", str(len(seconds))


_COLUMNS: Final = 5  # before the times
_WHIP: Final = re.compile(r"([\d.]+), worst ([\d.]+), of (\d+)")


def _times_in(text: str) -> dict[Key, Times]:
    """The times in a table that is there already."""
    found: dict[Key, Times] = {}
    lines = (line.strip().strip("|").split("|") for line in text.splitlines() if line.startswith("| "))
    for cells in ([cell.strip() for cell in line] for line in lines):
        if not cells[0].isdigit():
            continue
        median, worst, runs, *more = cells[_COLUMNS:]
        found[int(cells[0]), NATIVE] = (median, worst, runs)
        if more and (over_whip := _WHIP.fullmatch(more[0])):
            found[int(cells[0]), WHIP] = (over_whip[1], over_whip[2], over_whip[3])
    return found


def table(rows: Sequence[Mapping[str, Any]], measurements: Mapping[Key, Times]) -> str:
    """The rows in Markdown."""
    return _HEADER + "".join(_line(row, measurements) for row in rows)


def _line(row: Mapping[str, Any], measurements: Mapping[Key, Times]) -> str:
    number: int = row["number"]
    proofs = dict.fromkeys(_short(proof) for proof in row.get("proofs", ()))
    where = ", ".join(proofs)
    if reason := row.get("not_met"):
        where = f"{where + '; ' if where else ''}**not met**: {reason}"
    if reason := row.get("not_here"):
        where = f"{where + '; ' if where else ''}not to be had here: {reason}"
    aim = f"{row['aim']:g}" if "aim" in row else ""
    cells = (
        *(str(number), row["fault"], row["then"], where, aim),
        *measurements.get((number, NATIVE), ("", "", "")),
        _over_whip(row, measurements.get((number, WHIP))),
    )
    return f"| {' | '.join(cells)} |\n"


def _over_whip(row: Mapping[str, Any], measurement: Times | None) -> str:
    if measurement is not None:
        median, worst, runs = measurement
        return f"{median}, worst {worst}, of {runs}"
    if "whip" in row:
        return "proven"
    return str(row.get("not_whip", ""))


def _short(proof: str) -> str:
    """The file of a test, as a reader of tests/README.md finds it."""
    return f"`{proof.partition('::')[0].removeprefix('tests/')}`"


def write_table(readme: Path, results: Path | None = None) -> None:
    """Put the table between the two marks in the file; rows that were not measured anew keep their times."""
    before, _, rest = readme.read_text().partition(_BEGIN)
    old, _, after = rest.partition(_END)
    new = {key: times(seconds) for key, seconds in measured(results).items()} if results else {}
    told = table(read_rows(), _times_in(old) | new)
    readme.write_text(f"{before}{_BEGIN}\n{told}{_END}{after}")


if __name__ == "__main__":
    write_table(HERE.parent / "README.md")
