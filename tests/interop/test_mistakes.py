"""A deliberate mistake in what the client declares must be seen: otherwise the other tests prove nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from playwright.async_api import TimeoutError as PictureTimeout
from rig.device import NAME, SMALL, StartDevice
from rig.results import Row
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer
from rigging.waiting import eventually

pytestmark = pytest.mark.interop

WITHIN = 10.0  # seconds; without a mistake the first picture takes a fifth of it


async def test_without_a_mistake_there_is_a_picture(
    server: RoomServer, start_device: StartDevice, viewer: Viewer
) -> None:
    await server.start()
    await viewer.open(server.url, ROOM)
    await start_device(server.url, mistake="none", **SMALL)
    await viewer.first_picture(NAME, within=WITHIN)


@pytest.mark.parametrize("mistake", ["wrong-payload-type", "wrong-ssrc"])
async def test_packets_that_were_not_declared_give_no_picture(
    mistake: str, server: RoomServer, start_device: StartDevice, viewer: Viewer, row: Callable[..., Row]
) -> None:
    result = row(receiver="Chromium", codec="h264")
    result.note = f"(mistake on purpose, {mistake}: no picture)"
    await server.start()
    await viewer.open(server.url, ROOM)
    device = await start_device(server.url, mistake=mistake, **SMALL)
    await device.expect(lambda status: status.state == "joined" and len(status.producers) == 2)
    with pytest.raises(PictureTimeout):
        await viewer.first_picture(NAME, within=WITHIN)

    async def accepted() -> bool:
        return "video" in await server.producers("front-door")

    # The device sees that nothing is acknowledged and makes its producers anew, again and again.
    await eventually(accepted, within=30, what="a producer of video")


@pytest.mark.parametrize(
    "mistake", ["wrong-profile", "wrong-packetization-mode", "wrong-clock-rate", "rtx-of-nothing"]
)
async def test_a_codec_that_the_router_lacks_is_refused(
    mistake: str, server: RoomServer, start_device: StartDevice, row: Callable[..., Row]
) -> None:
    result = row(receiver="nobody", codec="h264")
    result.note = f"(mistake on purpose, {mistake}: refused by mediasoup)"
    await server.start()
    device = await start_device(server.url, mistake=mistake, **SMALL)
    async with asyncio.timeout(20):
        while "refused produce" not in server.log:
            await asyncio.sleep(0.1)
    assert "video" not in await server.producers("front-door")
    await device.expect(lambda status: bool(status.health))
