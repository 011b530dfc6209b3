"""What a server of this kind does to a participant, and what the device makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from rig.device import NAME, SMALL, Device
from rig.results import Row
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer
from rigging.waiting import eventually

pytestmark = pytest.mark.interop


@pytest.fixture
async def device(server: RoomServer, start_device: Callable[..., Awaitable[Device]]) -> Device:
    """In the meeting, its video at the server."""
    await server.start()
    device = await start_device(server.url, **SMALL)
    await server.expect_scores("front-door", "video", 1)
    return device


async def test_a_killed_websocket(server: RoomServer, device: Device) -> None:
    await server.fault("killSockets")
    await device.expect(lambda status: status.state == "joined" and status.joins == 2)
    await server.expect_scores("front-door", "video", 1)


@pytest.mark.parametrize("linger", [0, 30], ids=["media ends with it", "media outlives it"])
async def test_what_a_viewer_misses_when_signaling_is_lost(
    linger: int, server: RoomServer, device: Device, viewer: Viewer, row: Callable[..., Row]
) -> None:
    """The next join throws the old participant out, whose media is kept until then, or not."""
    result = row(receiver="Chromium", codec="h264 + opus")
    await viewer.open(server.url, ROOM)
    await viewer.expect_moving(NAME)
    await server.fault("linger", seconds=linger)
    await viewer.watch_gaps()
    await server.fault("killSockets", peerId="front-door")
    await device.expect(lambda status: status.state == "joined" and status.joins == 2)
    await server.expect_scores("front-door", "video", 1)
    await viewer.expect_moving(NAME)
    gap = await viewer.longest_gap()
    media = "kept by the server" if linger else "lost too"
    result.note = f"(signaling lost, media {media}: {gap:.2f} s without pictures)"
    assert gap < 10
    assert ("media goes on while signaling is made anew" in device.log) or not linger


async def test_transports_that_the_server_forgot(server: RoomServer, device: Device) -> None:
    before = await server.producers("front-door")
    await server.fault("closeTransports")

    async def replaced() -> bool:
        now = await server.producers("front-door")
        return set(now) == {"audio", "video"} and now["video"]["id"] != before["video"]["id"]

    await eventually(replaced, within=30, what="new producers")
    await server.expect_scores("front-door", "video", 1)


async def test_a_closed_room(server: RoomServer, device: Device) -> None:
    await server.fault("closeRoom")
    await device.expect(lambda status: any(h.code == "evicted.room_closed" for h in status.health))


async def test_a_host_turns_the_camera_off(server: RoomServer, device: Device) -> None:
    answer = await server.fault("ask", peerId="front-door", method="disableWebcam", data={"peerId": "host"})
    assert answer["ok"]
    await device.expect(
        lambda status: any(c.kind == "video" and "host" in c.held_off_by for c in status.captures)
    )


async def test_an_unknown_request_is_refused_and_harmless(server: RoomServer, device: Device) -> None:
    answer = await server.fault("ask", peerId="front-door", method="makeCoffee")
    assert (answer["ok"], answer["code"]) == (False, 501)
    await device.expect(lambda status: status.state == "joined" and status.joins == 1)


async def test_a_denied_entry(server: RoomServer, start_device: Callable[..., Awaitable[Device]]) -> None:
    await server.start()
    await server.fault("denyNext", roomId=ROOM, count=1000)
    device = await start_device(server.url, **SMALL)
    await device.expect(lambda status: any(h.code == "meeting.entry_denied" for h in status.health))


async def test_a_second_device_with_the_same_id(
    server: RoomServer, device: Device, start_device: Callable[..., Awaitable[Device]]
) -> None:
    """The newer one stays; the older one says why it had to go."""
    second = await start_device(server.url, **SMALL)
    await second.expect(lambda status: status.state == "joined")
    await device.expect(lambda status: any("duplicate" in h.code for h in status.health))
