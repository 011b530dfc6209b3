"""What more cameras, more viewers and more participants cost a device.

    scripts/bench growth [--seconds 12] [--record]

Cameras are daemons, one for each: a configuration has one camera. Viewers are consumers on real mediasoup
that send RTP to a socket which nobody reads; participants are entries in the room. Needs root, and what
scripts/interop builds.
"""

# ruff: noqa: BLE001 - what fails gets a row that says why, whatever the reason
from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

import pytest  # its `fail` is how the rig says that something did not happen
from measuring import parts

parts.find()

from measuring.command import conclude, new_parser  # noqa: E402 - beside it
from measuring.machine import installed  # noqa: E402 - beside it
from measuring.prepared import Material, prepared  # noqa: E402 - beside it
from measuring.processes import memory, spent  # noqa: E402 - beside it
from measuring.record import Cell, Column, Figure, Result, Table, found  # noqa: E402 - beside it
from measuring.room import Room, open_room  # noqa: E402 - the rig is no installed package
from measuring.senders import edgemeet  # noqa: E402 - likewise
from rig.device import Device  # noqa: E402 - likewise
from rig.room_server import ROOM  # noqa: E402 - likewise

WARM_UP = 8.0  # seconds
CAMERAS = (1, 2, 4)
VIEWERS = (1, 5, 20)
PARTICIPANTS = (1, 100)
JOINS = 5


@dataclass(frozen=True)
class Load:
    """What one device used: seconds of processor time a minute, megabytes (PSS), kilobits a second."""

    parent: float
    children: float
    memory: float
    kilobits: float
    frames_per_second: float


async def load(material: Material, *, cameras: int, viewers: int, seconds: float) -> Load:
    """The mean of all devices of a room, while each is watched by so many."""
    async with contextlib.AsyncExitStack() as stack:
        sink = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sink.bind(("127.0.0.1", 0))
        room = await stack.enter_async_context(open_room(watched=False))
        sending = [
            await stack.enter_async_context(edgemeet(room, material, participant=f"camera-{number}"))
            for number in range(cameras)
        ]
        for each in sending:
            await room.pictures_come(each.peer_id)
        await room.server.fault("addPeople", roomId=ROOM, count=viewers, port=sink.getsockname()[1])
        await asyncio.sleep(WARM_UP)
        before = [(spent(each.pid), await room.arrived(each.peer_id)) for each in sending]
        await asyncio.sleep(seconds)
        loads = []
        for each, (used, arrived) in zip(sending, before, strict=True):
            use, now = spent(each.pid).since(used), await room.arrived(each.peer_id)
            minute = 60 / (now.at - arrived.at)
            assert each.device is not None
            status = await asyncio.to_thread(each.device.control.status)
            (encoding,) = (e for p in status.producers if p.kind == "video" for e in p.encodings)
            loads.append(
                Load(
                    minute * use.parent,
                    minute * use.children,
                    memory(each.pid).proportional,
                    now.kilobits_since(arrived),
                    encoding.frames_per_second or 0.0,
                )
            )
        return Load(
            *(statistics.mean(values) for values in zip(*(astuple(each) for each in loads), strict=True))
        )


def astuple(one: Load) -> tuple[float, float, float, float, float]:
    return one.parent, one.children, one.memory, one.kilobits, one.frames_per_second


async def joins(others: int, rounds: int) -> list[float]:
    """Seconds from the token to the first packet, in a room with so many others."""
    async with open_room(watched=False) as room:
        await room.server.fault("addPeople", roomId=ROOM, count=others)
        return [await _join(room, number) for number in range(rounds)]


async def _join(room: Room, number: int) -> float:
    folder = room.folder / f"device-{number}"
    folder.mkdir()
    device = Device(folder, f"device-{number}")
    await device.start(room.server.url)
    try:
        status = await device.expect(lambda status: status.timing.token_to_first_media is not None)
        assert status.timing.token_to_first_media is not None
        return status.timing.token_to_first_media
    finally:
        await device.stop()


def attempt(what: str, measure: Callable[[], Coroutine[None, None, Load]], limit: float) -> Load | str:
    """What was measured, or why nothing was."""
    try:
        seen = asyncio.run(asyncio.wait_for(measure(), limit))
    except (Exception, pytest.fail.Exception) as error:
        print(f"{what}: {error!r}", file=sys.stderr, flush=True)
        return f"failed: {str(error).splitlines()[0] if str(error) else type(error).__name__}"[:120]
    print(f"{what}: {seen}", file=sys.stderr, flush=True)
    return seen


def measured(seconds: float) -> Result:
    """Cameras, viewers, participants."""
    rows: list[tuple[Cell, ...]] = []
    seen: dict[int, Load] = {}
    with prepared() as material:
        runs = [(cameras, 1) for cameras in CAMERAS] + [(1, viewers) for viewers in VIEWERS if viewers > 1]
        for cameras, viewers in runs:
            what = f"{cameras} cameras, {viewers} viewers of each"
            one = attempt(
                what,
                lambda cameras=cameras, viewers=viewers: load(
                    material, cameras=cameras, viewers=viewers, seconds=seconds
                ),
                seconds + 120,
            )
            rows.append((cameras, viewers, *row(one)))
            if isinstance(one, Load) and cameras == 1:
                seen[viewers] = one
    joined, tables = join_table()
    figures = []
    if {1, VIEWERS[-1]} <= set(seen):
        name = f"a device with {VIEWERS[-1]} viewers over one with a single one"
        figures.append(Figure(name=name, value=total(seen[VIEWERS[-1]]) / total(seen[1]), aim=1.1))
    return found(
        "growth",
        [Table(columns=COLUMNS, rows=tuple(rows)), tables],
        figures=figures + joined,
        versions=installed("av", "aiortc"),
        notes=[NOTE.format(seconds=seconds, rounds=JOINS)],
    )


def total(one: Load) -> float:
    return one.parent + one.children


def row(one: Load | str) -> tuple[Cell, ...]:
    if isinstance(one, str):
        return (*[None] * 5, one)
    return (*astuple(one), "")


def join_table() -> tuple[list[Figure], Table]:
    rows: list[tuple[Cell, ...]] = []
    figures = []
    for others in PARTICIPANTS:
        try:
            taken = asyncio.run(asyncio.wait_for(joins(others, JOINS), 120))
        except (Exception, pytest.fail.Exception) as error:
            rows.append((others, None, None, f"failed: {type(error).__name__}"))
            continue
        rows.append((others, statistics.median(taken), max(taken), ""))
        if others == PARTICIPANTS[-1]:
            name = f"token to the first packet, with {others} others in the room"
            figures.append(Figure(name=name, value=statistics.median(taken), unit="s", aim=0.3))
    columns = ("others in the room", "token → first packet, median s", "slowest, s", "")
    return figures, Table(columns=tuple(Column(title=title) for title in columns), rows=tuple(rows))


COLUMNS = (
    Column(title="cameras"),
    Column(title="viewers of each"),
    Column(title="main process, s a minute"),
    Column(title="its children, s a minute"),
    Column(title="memory of each, MB", digits=0),
    Column(title="arrived of each, kb/s", digits=0),
    Column(title="sent a second", digits=1),
    Column(title=""),
)
NOTE = (
    "For each device: seconds of processor time a minute, from {seconds:g} s, of H.264 in one layer as "
    "above, without sound. Cameras are daemons of their own, because a configuration has one camera. "
    "Viewers are consumers on mediasoup. Joins: {rounds} each, with test picture and tone."
)


def main() -> None:
    """Command line."""
    parser = new_parser("growth", __doc__)
    parser.add_argument("--seconds", type=float, default=12, help="that are measured of each")
    arguments = parser.parse_args()
    result = measured(arguments.seconds)
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
