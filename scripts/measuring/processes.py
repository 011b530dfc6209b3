"""Processor time and memory of a process and everything below it, from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time (user and kernel) by process; `root` is the one all others descend from."""

    root: int
    seconds: dict[int, float]

    def since(self, before: Spent) -> Use:
        """What was used in between. A process that ended meanwhile counts until it was last seen."""
        own = self.seconds.get(self.root, 0.0) - before.seconds.get(self.root, 0.0)
        whole = sum(now - before.seconds.get(pid, 0.0) for pid, now in self.seconds.items())
        return Use(parent=own, children=whole - own)


@dataclass(frozen=True, slots=True)
class Use:
    """Seconds of processor time."""

    parent: float
    children: float

    @property
    def all(self) -> float:
        return self.parent + self.children


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes, summed over processes.

    `proportional` counts a page that n processes share as 1/n for each of them, `resident` in full for each.
    The prepared pictures, which lie in shared memory, are in neither.
    """

    resident: float
    proportional: float
    processes: int


def tree(root: int) -> set[int]:
    """The process and all below it."""
    parents = {pid: int(fields[1]) for pid, fields in _stats()}
    found = {root}
    while fresh := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= fresh
    return found


def spent(root: int) -> Spent:
    """So far. The kernel counts in hundredths of a second, each process by itself."""
    wanted = tree(root)
    ticks = {pid: int(fields[11]) + int(fields[12]) for pid, fields in _stats() if pid in wanted}
    return Spent(root, {pid: each / _TICKS for pid, each in ticks.items()})


def memory(root: int, *, below: bool = True) -> Memory:
    """Now, of a process and, unless told otherwise, all below it."""
    resident = proportional = 0
    wanted = tree(root) if below else {root}
    for pid in wanted:
        with contextlib.suppress(OSError):  # it ended meanwhile
            rollup = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"))
            status = _kilobytes(Path(f"/proc/{pid}/status"))
            resident += status["VmRSS"] - status["RssShmem"]
            proportional += rollup["Pss"] - rollup["Pss_Shmem"]
    return Memory(resident / 1000, proportional / 1000, len(wanted))


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Of all processes: what stands behind the name in /proc/PID/stat, from the state on."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield int(entry.parent.name), entry.read_text().rpartition(")")[2].split()


def _kilobytes(file: Path) -> dict[str, int]:
    pairs = (line.partition(":") for line in file.read_text().splitlines())
    return {name: int(value.split()[0]) for name, _, value in pairs if value.endswith(" kB")}
