"""Memory of all processes of a daemon in a meeting, and whether it grows.

    scripts/bench memory [--minutes 1] [--record]

The test picture in one layer, and a tone, through mediasoup. Needs root, and what scripts/interop builds.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from measuring import parts

parts.find()

from measuring.command import conclude, new_parser  # noqa: E402 - beside it
from measuring.machine import installed  # noqa: E402 - beside it
from measuring.processes import Memory, memory, tree  # noqa: E402 - beside it
from measuring.record import Column, Figure, Result, Table, found  # noqa: E402 - beside it
from measuring.room import open_room  # noqa: E402 - the rig is no installed package
from rig.device import Device  # noqa: E402 - likewise

SETTLING = 120.0  # seconds, in which buffers and histories fill
SLOPE_MINUTES = 10  # in less a slope says nothing
EVERY = 2.0  # seconds


@dataclass(frozen=True)
class Sample:
    """Seconds since the daemon was joined, and what all its processes held."""

    at: float
    memory: Memory


@dataclass(frozen=True)
class Seen:
    """All of a run; `parts` is what each process held at its end."""

    samples: Sequence[Sample]
    parts: dict[str, Memory]


async def watch(minutes: float) -> Seen:
    """One daemon in one room."""
    async with open_room(watched=False) as room:
        folder = room.folder / "device"
        folder.mkdir()
        device = Device(folder, "device")
        await device.start(room.server.url)
        try:
            await device.expect(lambda status: status.state == "joined" and len(status.producers) == 2)
            assert device.process is not None
            pid, began, samples = device.process.pid, time.monotonic(), []
            while (at := time.monotonic() - began) < 60 * minutes:
                samples.append(Sample(at, memory(pid)))
                await asyncio.sleep(EVERY)
            children = sorted(tree(pid) - {pid})
            held = {"main process": memory(pid, below=False)}
            held |= {f"child {number}": memory(child) for number, child in enumerate(children, 1)}
            return Seen(samples, held)
        finally:
            await device.stop()


def slope(samples: Sequence[Sample]) -> float:
    """Megabytes an hour, of the straight line that is nearest to all samples."""
    fitted = statistics.linear_regression(
        [each.at for each in samples], [each.memory.proportional for each in samples]
    )
    return 3600 * fitted.slope


def measured(minutes: float) -> Result:
    """With the aim of the project."""
    seen = asyncio.run(watch(minutes))
    settled = [each for each in seen.samples if each.at >= SETTLING]
    resident = max(each.memory.resident for each in seen.samples)
    proportional = max(each.memory.proportional for each in seen.samples)
    rows = [(name, each.proportional, each.resident) for name, each in seen.parts.items()]
    rows.append(("most that all together held", proportional, resident))
    growth = ""
    if minutes >= SLOPE_MINUTES:
        growth = f" From {SETTLING:g} s on PSS changed by {slope(settled):.1f} MB an hour."
    return found(
        "memory",
        [Table(columns=COLUMNS, rows=tuple(rows))],
        figures=[
            Figure(name="memory of all processes (PSS)", value=proportional, unit="MB", aim=150),
            Figure(name="memory of all processes (RSS)", value=resident, unit="MB", aim=150),
        ],
        versions=installed("av", "aiortc", "pydantic"),
        notes=[NOTE.format(minutes=minutes, growth=growth)],
    )


COLUMNS = (
    Column(title="process"),
    Column(title="proportional (PSS), MB", digits=1),
    Column(title="resident (RSS), MB", digits=1),
)
NOTE = (
    "The test picture at 1280x720 and a tone for {minutes:g} min. Pages that processes share are counted "
    "once in PSS and once for each process in RSS.{growth} `./scripts/bench memory --minutes 60` watches how "
    "it grows; `tests/e2e/test_leaks.py` and `./scripts/soak` do over many joins."
)


def main() -> None:
    """Command line."""
    parser = new_parser("memory", __doc__)
    parser.add_argument("--minutes", type=float, default=1)
    arguments = parser.parse_args()
    result = measured(arguments.minutes)
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
