"""Twenty daemons in one room on mediasoup, and one page that shows them all."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rig.device import StartDevice
from rig.film import FPS, HEIGHT, WIDTH, make_film
from rig.results import Row
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer

pytestmark = pytest.mark.interop

DEVICES = 20
SETTLING = 5.0  # seconds, until the last interpreters have begun and only media is left to do
WATCHED = 10.0  # seconds


def cpu_seconds(pids: set[int]) -> float:
    """Processor time of these processes and all below them."""
    spent, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        pid = int(entry.parent.name)
        parents[pid], spent[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    wanted = set(pids)
    while fresh := {pid for pid, parent in parents.items() if parent in wanted} - wanted:
        wanted |= fresh
    return sum(spent.get(pid, 0) for pid in wanted) / os.sysconf("SC_CLK_TCK")


@pytest.mark.timeout(600)
async def test_twenty_devices_and_one_viewer(
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
    tmp_path: Path,
) -> None:
    result = row(sender=f"edgemeet, {DEVICES} devices", receiver="Chromium", codec="h264 (a film) + opus")
    film = tmp_path / "film.mp4"
    await asyncio.to_thread(make_film, film)
    await server.start()
    await viewer.open(server.url, ROOM)
    began = time.time()
    devices = [
        await start_device(
            server.url,
            participant=f"device-{number:02}",
            name=f"Device {number:02}",
            CAMERA__SOURCE="file",
            CAMERA__DEVICE=str(film),
            CAMERA__WIDTH=str(WIDTH),
            CAMERA__HEIGHT=str(HEIGHT),
            CAMERA__FPS=str(FPS),
        )
        for number in range(DEVICES)
    ]
    shown = [await viewer.first_picture(f"Device {number:02}", within=300) for number in range(DEVICES)]
    result.seconds = max(shown) - began

    await asyncio.sleep(SETTLING)
    before, spent = await _decoded(viewer), cpu_seconds({d.process.pid for d in devices if d.process})
    await asyncio.sleep(WATCHED)
    after = await _decoded(viewer)
    spent = cpu_seconds({d.process.pid for d in devices if d.process}) - spent
    rates = [(after.get(peer, 0) - count) / WATCHED for peer, count in before.items()]
    assert len(rates) == DEVICES
    assert min(rates) > FPS / 3, rates  # the viewer decodes all of them on the same two cores
    for device in devices:
        status = await device.expect(lambda status: status.state == "joined")
        assert status.joins == 1
        assert status.captures[0].encoder == "passthrough"
    result.note = (
        f"(all {DEVICES}; then {min(rates):.1f} to {max(rates):.1f} pictures a second each, "
        f"{100 * spent / WATCHED / DEVICES:.1f} % of a core a device)"
    )


async def _decoded(viewer: Viewer) -> dict[str, int]:
    counts: dict[str, int] = await viewer.page.evaluate(
        """async () => Object.fromEntries(await Promise.all(
            edgemeet.tiles.map(async ({peerId}) => [peerId, await edgemeet.framesDecoded(peerId)])))"""
    )
    return counts
