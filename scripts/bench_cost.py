"""Processor time and memory of a minute of call: edgemeet beside other senders and beside its encoder alone.

    scripts/bench cost [NAME ...] [--seconds 60] [--record]

All send the same prepared pictures, 1280x720, 30 a second, at 1.5 Mb/s, through real mediasoup to one
viewer in Chromium. Needs root, and what scripts/interop builds.
"""

# ruff: noqa: BLE001 - a sender that fails gets a row that says why, whatever the reason
from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest  # its `fail` is how the rig says that something did not happen
from measuring import parts

parts.find()

from measuring.command import conclude, new_parser  # noqa: E402 - beside it
from measuring.floor import Floor  # noqa: E402 - beside it
from measuring.gstreamer import gstreamer  # noqa: E402 - the rig is no installed package
from measuring.gstreamer import versions as versions_of_gstreamer  # noqa: E402 - likewise
from measuring.machine import installed  # noqa: E402 - beside it
from measuring.picture import BITRATE  # noqa: E402 - beside it
from measuring.prepared import Material, prepared  # noqa: E402 - beside it
from measuring.processes import Memory, Use, memory, spent  # noqa: E402 - beside it
from measuring.record import Cell, Column, Figure, Result, Table, found  # noqa: E402 - beside it
from measuring.room import Room, open_room  # noqa: E402 - likewise
from measuring.senders import (  # noqa: E402 - likewise
    Sending,
    chromium_camera,
    edgemeet,
    passthrough,
    vendor,
)

WARM_UP = 10.0  # seconds, until rates have risen
FLOOR_SECONDS = 15.0
SOUND = {"MEETING__MIC": "true"}


@dataclass(frozen=True)
class Entrant:
    """Somebody who sends."""

    name: str
    shown: str
    sends: str
    open: Callable[[Room, Material], AbstractAsyncContextManager[Sending]]
    wired: bool = False  # media goes through a virtual cable, because it takes no loopback


ENTRANTS = (
    Entrant("one", "edgemeet", "H.264", edgemeet),
    Entrant("vendor", "VideoSDK's Python SDK", "VP8, its only choice", vendor),
    Entrant("three", "edgemeet", "H.264, three layers", partial(edgemeet, MEETING__MULTISTREAM="true")),
    Entrant("passthrough", "edgemeet", "a film in H.264, passed on", passthrough),
    Entrant("vp8", "edgemeet", "VP8", partial(edgemeet, CAMERA__CODEC="vp8")),
    Entrant("chromium", "Chromium", "H.264", partial(chromium_camera, codec="video/H264")),
    Entrant("gstreamer", "GStreamer's webrtcbin", "H.264", gstreamer, wired=True),
    Entrant("sound", "edgemeet", "H.264 and sound", partial(edgemeet, **SOUND)),
)


@dataclass(frozen=True)
class Measured:
    """A minute of one of them: seconds of processor time, and what came of it."""

    use: Use
    kilobits: float
    pictures: float
    size: str
    memory: Memory


async def measure(entrant: Entrant, material: Material, seconds: float) -> Measured:
    """In a room of its own."""
    async with open_room(wired=entrant.wired) as room, entrant.open(room, material) as sending:
        await room.pictures_come(sending.peer_id)
        await asyncio.sleep(WARM_UP)
        before, arrived = spent(sending.pid), await room.arrived(sending.peer_id)
        await asyncio.sleep(seconds)
        after, now = spent(sending.pid), await room.arrived(sending.peer_id)
        use, minute = after.since(before), 60 / (now.at - arrived.at)
        return Measured(
            Use(minute * use.parent, minute * use.children),
            now.kilobits_since(arrived),
            now.pictures_since(arrived),
            await room.size_shown(),
            memory(sending.pid),
        )


def floor(material: Material, codec: str, layers: int, *flags: str) -> Floor:
    """Its encoder alone, in a process of its own."""
    done = subprocess.run(
        (
            sys.executable,
            "-m",
            "measuring.floor",
            material.raw,
            codec,
            str(layers),
            str(FLOOR_SECONDS),
            *flags,
        ),
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return Floor.model_validate_json(done.stdout)


FLOORS = (
    ("alone", "H.264", "h264", 1, ("--paced",)),
    ("alone, without waiting for the next picture", "H.264", "h264", 1, ()),
    ("alone", "H.264, three layers", "h264", 3, ("--paced",)),
    ("alone", "VP8", "vp8", 1, ("--paced",)),
)


def main() -> None:
    """Command line."""
    parser = new_parser("cost", __doc__)
    names = [entrant.name for entrant in ENTRANTS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all when absent")
    parser.add_argument("--seconds", type=float, default=60, help="that are measured of each")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = [entrant for entrant in ENTRANTS if entrant.name in (arguments.names or names)]
    if any(entrant.open is gstreamer for entrant in chosen):
        # Built here, outside what is timed. Where it cannot be, its row says so and the others stand.
        with contextlib.suppress(subprocess.CalledProcessError):
            parts.find_whip()
    result = run(chosen, arguments.seconds)
    conclude(result, record=arguments.record)


def run(chosen: Sequence[Entrant], seconds: float) -> Result:
    """All of them, the floor before and after."""
    measured: dict[str, Measured | str] = {}
    with prepared() as material:
        floors = [[floor(material, *about[2:4], *about[4])] for about in FLOORS]
        for entrant in chosen:
            measured[entrant.name] = outcome(entrant, material, seconds)
            print(f"{entrant.name}: {measured[entrant.name]}", file=sys.stderr, flush=True)
        # Before and after: the machine may have become slower. What was measured stands without it too.
        with contextlib.suppress(subprocess.SubprocessError):
            for seen, about in zip(floors, FLOORS, strict=True):
                seen.append(floor(material, *about[2:4], *about[4]))
    alone = [statistics.mean(each.cpu_per_minute for each in seen) for seen in floors]
    rows = [
        floor_row(about[0], about[1], alone[index], alone[0], floors[index][0])
        for index, about in enumerate(FLOORS)
    ]
    rows += [row(entrant, measured[entrant.name], alone[0]) for entrant in chosen]
    good = {name: each for name, each in measured.items() if isinstance(each, Measured)}
    return found(
        "cost",
        [Table(columns=COLUMNS, rows=tuple(rows))],
        figures=figures(good, alone[0]),
        versions=installed("av", "aiortc") + versions_of_gstreamer(),
        notes=[NOTE.format(seconds=seconds, bitrate=BITRATE / 1e6)],
    )


def outcome(entrant: Entrant, material: Material, seconds: float) -> Measured | str:
    """What was measured, or why nothing was."""
    try:
        return asyncio.run(asyncio.wait_for(measure(entrant, material, seconds), seconds + 120))
    except (Exception, pytest.fail.Exception) as error:
        print(f"{entrant.name}: {error!r} {getattr(error, '__notes__', '')}", file=sys.stderr, flush=True)
        return f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"[:120]


COLUMNS = (
    Column(title="sender"),
    Column(title="sends"),
    Column(title="main process, s"),
    Column(title="its children, s"),
    Column(title="both, s"),
    Column(title="over the encoder alone"),
    Column(title="arrived, kb/s", digits=0),
    Column(title="decoded a second", digits=1),
    Column(title="size"),
    Column(title="memory, MB", digits=0),
    Column(title="processes"),
    Column(title=""),
)
NOTE = (
    "Seconds of processor time (user and kernel) for a minute of call, from {seconds:g} s after 10 s of "
    "warming up. All are fed the same prepared pictures from memory, which each sender copies once: "
    "1280x720, 30 a second, a moving pattern with noise, at {bitrate:g} Mb/s for the full size. *Alone* is "
    "edgemeet's encoder with its settings in a process of its own, given a picture each thirtieth of a "
    "second, ready and not copied; *over the encoder alone* divides by its first row, in every row. "
    "*Arrived* is what the media server counted, *decoded* what Chromium's statistics say. Memory is "
    "proportional (PSS), over all processes, without the prepared pictures."
)


def floor_row(shown: str, sends: str, alone: float, unit: float, seen: Floor) -> tuple[Cell, ...]:
    return (
        *(f"edgemeet's encoder {shown}", sends, alone, None, alone, alone / unit, seen.kilobits),
        *(None, None, None, 1, ""),
    )


def row(entrant: Entrant, seen: Measured | str, unit: float) -> tuple[Cell, ...]:
    if isinstance(seen, str):
        return (entrant.shown, entrant.sends, *[None] * 9, seen)
    return (
        *(entrant.shown, entrant.sends, seen.use.parent, seen.use.children, seen.use.all),
        *(seen.use.all / unit, seen.kilobits, seen.pictures, seen.size),
        *(seen.memory.proportional, seen.memory.processes, ""),
    )


def figures(good: dict[str, Measured], alone: float) -> list[Figure]:
    """What the project has aims for."""
    wanted = []
    if one := good.get("one"):
        wanted.append(Figure(name="one layer over its encoder alone", value=one.use.all / alone, aim=1.25))
        if other := good.get("vendor"):
            name = "one layer over VideoSDK's Python SDK"
            wanted.append(Figure(name=name, value=one.use.all / other.use.all, aim=0.25))
        if three := good.get("three"):
            wanted.append(Figure(name="three layers over one", value=three.use.all / one.use.all, aim=1.6))
    if film := good.get("passthrough"):
        name = "a film passed on, of a core"
        wanted.append(Figure(name=name, value=100 * film.use.all / 60, unit="%", aim=3))
    return wanted


if __name__ == "__main__":
    main()
