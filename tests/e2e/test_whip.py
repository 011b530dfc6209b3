"""The daemon in the sandbox's meeting over WHIP, as its operator and the server see it."""

from __future__ import annotations

import asyncio
from typing import Any

from edgemeet.control import Command

WHIP = {"EDGEMEET_MEETING__PROTOCOL": "whip"}


async def test_joins_publishes_and_leaves_in_order(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, **WHIP)
    await sandbox.expect_media()
    status = await device.expect(
        lambda s: s.state == "joined" and all(e.round_trip_time for p in s.producers for e in p.encodings)
    )
    assert status.meeting.id == "abcd-efgh-ijkl"
    assert status.meeting.protocol == "whip"
    assert "roster" in status.meeting.unavailable
    video = next(p for p in status.producers if p.kind == "video")
    assert video.codec == "h264"
    assert (video.encodings[0].width, video.encodings[0].height) == (640, 360)
    peer = (await sandbox.participants())["front-door"]
    assert peer["name"] == "Front door"
    assert {p["codec"].lower() for p in peer["producers"]} == {"audio/opus", "video/h264"}
    assert status.health == ()
    await device.stop()
    assert await sandbox.participants() == {}
    assert device.process.returncode == 0
    assert "eyJ" not in device.log, "a token begins like this"


async def test_three_layers_are_told_apart_by_their_names(sandbox: Any, start_device: Any) -> None:
    device = await start_device(
        sandbox.url, EDGEMEET_MEETING__MULTISTREAM="true", EDGEMEET_CAMERA__WIDTH="1280",
        EDGEMEET_CAMERA__HEIGHT="720", **WHIP,
    )  # fmt: skip
    await sandbox.expect_media()

    async def rids() -> dict[str, int]:
        peer = (await sandbox.participants()).get("front-door") or {"producers": []}
        return {
            e["rid"]: e["keyframes"]
            for p in peer["producers"]
            if p["kind"] == "video"
            for e in p["encodings"]
            if e["packets"] > 20
        }

    async with asyncio.timeout(60):
        while set(await rids()) != {"q", "h", "f"} or not all((await rids()).values()):
            await asyncio.sleep(0.2)
    status = await device.expect(lambda s: s.state == "joined")
    video = next(p for p in status.producers if p.kind == "video")
    assert [e.width for e in video.encodings] == [320, 640, 1280]


async def test_switching_devices_needs_no_other_offer_where_they_were_offered(
    sandbox: Any, start_device: Any
) -> None:
    device = await start_device(sandbox.url, **WHIP)
    await sandbox.expect_media()

    async def stands_still(kind: str) -> bool:
        before = (await sandbox.packets())[kind]
        await asyncio.sleep(1)
        return (await sandbox.packets())[kind] == before

    await device.tell(Command.MUTE)
    async with asyncio.timeout(20):
        while not await stands_still("audio"):
            pass
    await device.tell(Command.UNMUTE)
    await sandbox.expect_media()
    status = await device.expect(lambda s: s.state == "joined")
    assert status.joins == 1


async def test_a_device_that_was_not_offered_brings_another_offer(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_MEETING__MIC="false", **WHIP)
    await sandbox.expect_media({"video"})
    await device.tell(Command.UNMUTE)
    await sandbox.expect_media()
    status = await device.expect(lambda s: s.state == "joined")
    assert status.joins == 1
    assert len(await sandbox.participants()) == 1


async def test_a_sandbox_that_comes_back_gets_its_device_back(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, **WHIP)
    await sandbox.expect_media()
    await sandbox.stop()
    await device.expect(lambda s: s.state == "waiting", within=60)
    await sandbox.start()
    await sandbox.expect_media(within=60)
    status = await device.expect(lambda s: s.state == "joined")
    assert status.health == ()


async def test_media_that_stops_moving_is_offered_anew(sandbox: Any, start_device: Any) -> None:
    """The server answers, and only media does not get through."""
    device = await start_device(sandbox.url, **WHIP)
    await sandbox.expect_media()
    before = await producer_ids(sandbox)
    await sandbox.order("stop-media", seconds=8)

    async with asyncio.timeout(60):
        while len(now := await producer_ids(sandbox)) != 2 or now & before:
            await asyncio.sleep(0.2)
    await sandbox.expect_media(within=60)
    assert (await device.expect(lambda s: s.state == "joined")).joins == 1


async def producer_ids(sandbox: Any) -> set[str]:
    peer = (await sandbox.participants()).get("front-door") or {"producers": []}
    return {producer["id"] for producer in peer["producers"]}


async def test_a_device_that_was_removed_comes_back_since_nobody_can_say_why(
    sandbox: Any, start_device: Any
) -> None:
    device = await start_device(sandbox.url, **WHIP)
    await sandbox.expect_media()
    await sandbox.order("remove-peer", room_id="abcd-efgh-ijkl", peer_id="front-door")
    await device.expect(lambda s: s.attempts >= 2, within=60)
    await sandbox.expect_media(within=60)
