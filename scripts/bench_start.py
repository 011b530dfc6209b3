"""From the start of the process and from the token to the first packet at real mediasoup; and the imports.

    scripts/bench start [--rounds 10] [--record]

Needs root, and what scripts/interop builds.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from measuring import parts

parts.find()

from measuring.command import conclude, new_parser  # noqa: E402 - beside it
from measuring.importing import ASKED, Import, read  # noqa: E402 - beside it
from measuring.machine import installed  # noqa: E402 - beside it
from measuring.record import Column, Figure, Result, Table, found  # noqa: E402 - beside it
from measuring.room import Room, open_room  # noqa: E402 - the rig is no installed package
from rig.device import Device  # noqa: E402 - likewise

KINDS = ("video", "audio")
COMMANDS = (
    ("python -c pass", (sys.executable, "-c", "pass")),
    ("edgemeet --version", (sys.executable, "-m", "edgemeet", "--version")),
    ("edgemeet --help", (sys.executable, "-m", "edgemeet", "--help")),
)


@dataclass(frozen=True)
class Start:
    """Seconds of one start: `arrived` as the server saw it, the others as the device did."""

    arrived: dict[str, float]  # from the start of the process to the first packet, by kind
    to_token: float
    from_token: float


async def start(room: Room, number: int) -> Start:
    """One device, from nothing to both kinds of media."""
    folder = room.folder / f"device-{number}"
    folder.mkdir()
    device = Device(folder, f"device-{number}")
    await device.start(room.server.url)
    try:
        first = await _first_packets(room, device)
        told = (await device.expect(lambda status: status.timing.token_to_first_media is not None)).timing
    finally:
        await device.stop()
    assert told.attempt_to_token is not None
    assert told.token_to_first_media is not None
    arrived = {kind: first[kind] - device.started_at for kind in KINDS}
    return Start(arrived, told.attempt_to_token, told.token_to_first_media)


async def _first_packets(room: Room, device: Device) -> dict[str, float]:
    """Unix time of the first packet of each kind, as soon as the server has both."""
    async with asyncio.timeout(60):
        while True:
            peer = (await room.server.peers()).get(device.participant, {})
            first: dict[str, float] = peer.get("firstPackets", {})
            if set(first) == set(KINDS):
                return first
            await asyncio.sleep(0.1)


async def starts(rounds: int) -> tuple[list[Start], Import]:
    """One after the other; the first fills the page cache and does not count. And what one imports."""
    async with open_room(watched=False) as room:
        seen = [await start(room, number) for number in range(rounds + 1)][1:]
        return seen, min([await _imports(room, number) for number in range(3)], key=lambda each: each.seconds)


async def _imports(room: Room, number: int) -> Import:
    """Of a daemon's main process until it has sent. Nobody asks for its status: that loads a web server."""
    folder = room.folder / f"imports-{number}"
    folder.mkdir()
    device = Device(folder, f"imports-{number}")
    os.environ.update(ASKED)
    try:
        await device.start(room.server.url)
    finally:
        for name in ASKED:
            os.environ.pop(name)
    try:
        await _first_packets(room, device)
    finally:
        await device.stop()
    return read(device.log)


def command_seconds(command: Sequence[str], rounds: int) -> list[float]:
    """How long a command takes, each time."""
    taken = []
    for _ in range(rounds):
        began = time.monotonic()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.monotonic() - began)
    return taken


def measured(rounds: int) -> Result:
    """All of it."""
    seen, loaded = asyncio.run(starts(rounds))
    whole = [min(each.arrived.values()) for each in seen]
    from_token = [each.from_token for each in seen]
    times = {
        "start of the process → first packet at the server": whole,
        "start of the process → first picture's packet": [each.arrived["video"] for each in seen],
        "start of the process → first sound's packet": [each.arrived["audio"] for each in seen],
        "attempt → token": [each.to_token for each in seen],
        "token → first packet": from_token,
    }
    times |= {f"`{name}`": command_seconds(command, rounds) for name, command in COMMANDS}
    return found(
        "start",
        [Table(columns=COLUMNS, rows=tuple(row(*each) for each in times.items())), import_table(loaded)],
        figures=[
            Figure(name="start of the process to the first packet", value=middle(whole), unit="s", aim=1.5),
            Figure(name="token to the first packet", value=middle(from_token), unit="s", aim=0.3),
            Figure(name="imports of the daemon", value=loaded.seconds, unit="s", aim=0.5),
        ],
        versions=installed("av", "aiortc", "pydantic"),
        notes=[NOTE.format(rounds=rounds)],
    )


COLUMNS = (Column(title="seconds"), Column(title="median"), Column(title="fastest"), Column(title="slowest"))
NOTE = (
    "{rounds} rounds each, files in the page cache: test picture at 1280x720 and tone, the token over "
    "HTTP from the room server, no ICE servers. The first packet is when mediasoup's worker told of it. "
    "Imports are what `python -X importtime` tells of the main process until it has sent, which costs "
    "time itself; the table has the packages that take most."
)


def middle(seconds: Sequence[float]) -> float:
    return statistics.median(seconds)


def row(name: str, seconds: Sequence[float]) -> tuple[str, float, float, float]:
    return name, middle(seconds), min(seconds), max(seconds)


def import_table(loaded: Import) -> Table:
    rows = [("all", loaded.modules, 1000 * loaded.seconds)]
    rows += [(each.name, each.modules, 1000 * each.seconds) for each in loaded.packages[:10]]
    columns = (
        Column(title="imported by the daemon"),
        Column(title="modules"),
        Column(title="ms", digits=0),
    )
    return Table(columns=columns, rows=tuple(rows))


def main() -> None:
    """Command line."""
    parser = new_parser("start", __doc__)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    result = measured(arguments.rounds)
    conclude(result, record=arguments.record)


if __name__ == "__main__":
    main()
