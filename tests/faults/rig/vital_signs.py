"""What a process holds, sampled, and whether it grows."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# How much more of each there may be in the last quarter of a run than in the second, as medians. The first
# quarter is for caches, pools and threads that are made once. One descriptor leaked at each join is tens in
# five minutes.
MAY_GROW: Final = {"rss_mb": 25.0, "fds": 12.0, "threads": 6.0, "tasks": 12.0}


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: `at` in monotonic seconds, memory in MB."""

    at: float
    rss_mb: float
    fds: float
    threads: float
    tasks: float

    @classmethod
    def of(cls, pid: int, probe: Path) -> Sample:
        """Of a process that runs under probe.py.

        Raises:
            OSError, ValueError: it has ended, or has not told yet.
        """
        process = Path(f"/proc/{pid}")
        lines = (line.partition(":") for line in (process / "status").read_text().splitlines())
        status = {name: value.strip() for name, _, value in lines}
        return cls(
            at=time.monotonic(),
            rss_mb=int(status["VmRSS"].split()[0]) / 1024,
            fds=len(list((process / "fd").iterdir())),
            threads=int(status["Threads"]),
            tasks=sum(json.loads(probe.read_text()).values()),
        )


@dataclass
class VitalSigns:
    """All samples of a run."""

    pid: int
    probe: Path
    samples: list[Sample] = field(default_factory=list)

    async def take(self) -> None:
        """One more sample. To be taken when all is well: a device that is out of its meeting holds less."""
        with contextlib.suppress(OSError, ValueError):  # read while it was written
            self.samples.append(await asyncio.to_thread(Sample.of, self.pid, self.probe))

    def slope(self, sign: str) -> float:
        """Per hour, by least squares, without the first quarter."""
        later = self.samples[len(self.samples) // 4 :]
        times = [sample.at / 3600 for sample in later]
        return statistics.linear_regression(times, [getattr(sample, sign) for sample in later]).slope

    def quarter(self, number: int, sign: str) -> float:
        """The median in a quarter of the run, 0 to 3."""
        size = len(self.samples) // 4
        part = self.samples[number * size : (number + 1) * size]
        return statistics.median(getattr(sample, sign) for sample in part)

    def table(self) -> str:
        """For people."""
        lines = [f"{'':10}{'2nd quarter':>14}{'last quarter':>14}{'most':>10}{'slope per hour':>16}"]
        for sign in MAY_GROW:
            most = max(getattr(sample, sign) for sample in self.samples)
            lines.append(
                f"{sign:10}{self.quarter(1, sign):14.1f}{self.quarter(3, sign):14.1f}{most:10.1f}"
                f"{self.slope(sign):16.2f}"
            )
        return "\n".join(lines)

    def tasks(self) -> str:
        """What the tasks of the process are now."""
        found: dict[str, int] = json.loads(self.probe.read_text())
        return ", ".join(f"{count} {name}" if count > 1 else name for name, count in found.items())

    def grown(self) -> list[str]:
        """What grew by more than it may."""
        return [
            f"{sign} grew from {before:.1f} to {after:.1f}"
            for sign, allowed in MAY_GROW.items()
            if (after := self.quarter(3, sign)) > (before := self.quarter(1, sign)) + allowed
        ]
