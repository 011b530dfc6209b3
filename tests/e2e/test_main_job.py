"""The daemon in a meeting, as its operator and the server see it."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from edgemeet.control import Command


def kinds(status: Any) -> set[str]:
    return {p.kind for p in status.producers}


async def test_joins_publishes_and_leaves_in_order(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    status = await device.expect(
        lambda s: s.state == "joined" and all(e.round_trip_time for p in s.producers for e in p.encodings)
    )
    assert status.meeting.id == "abcd-efgh-ijkl"
    assert status.meeting.participant_id == "front-door"
    assert status.token.expires_at is not None
    video = next(p for p in status.producers if p.kind == "video")
    assert video.codec == "h264"
    assert (video.encodings[0].width, video.encodings[0].height) == (640, 360)
    assert 5 < video.encodings[0].frames_per_second < 25  # 15 wanted; measured over two seconds
    assert status.timing.token_to_first_media is not None
    assert status.health == ()
    await device.stop()
    assert await sandbox.participants() == {}
    assert device.process.returncode == 0


async def test_interrupt_leaves_like_terminate(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    device.process.send_signal(signal.SIGINT)
    await asyncio.wait_for(device.process.wait(), 25)  # the promise is 5 s, and a busy machine takes longer
    assert device.process.returncode == 0
    assert await sandbox.participants() == {}


async def test_terminate_while_nothing_answers(start_device: Any) -> None:
    device = await start_device("http://127.0.0.1:9")
    await device.expect_problem("network.refused")
    await device.stop()
    assert device.process.returncode == 0


async def test_a_sandbox_that_comes_back_gets_its_device_back(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await sandbox.stop()
    await device.expect(lambda s: s.state == "waiting")
    await asyncio.sleep(3)  # a restart takes a moment, and a few attempts have to fail
    await sandbox.start()
    await sandbox.expect_media()
    status = await device.expect(lambda s: s.state == "joined")
    assert status.joins == 2
    assert status.health == ()


async def test_a_killed_websocket_is_mended(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await sandbox.order("kill-sockets")
    await device.expect(lambda s: s.joins == 2)
    await sandbox.expect_media()
    assert list(await sandbox.participants()) == ["front-door"], "the ghost must be gone"


async def test_media_that_stops_moving_is_noticed(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await sandbox.order("stop-media", seconds=12)
    await device.expect(lambda s: s.attempts >= 2, within=30)
    await sandbox.expect_media(within=40)


async def test_the_operator_mutes_and_unmutes(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await device.tell(Command.MUTE)
    await sandbox.expect_media({"video"})
    status = await device.expect(lambda s: kinds(s) == {"video"})
    assert {c.kind: c.state for c in status.captures}["audio"] == "off"
    await device.tell(Command.UNMUTE)
    await sandbox.expect_media()


async def test_the_operator_closes_the_camera(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await device.tell(Command.CAMERA_OFF)
    await sandbox.expect_media({"audio"})
    await device.tell(Command.CAMERA_ON)
    await sandbox.expect_media()


async def test_leave_stays_out_until_rejoin(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await device.tell(Command.LEAVE)
    await device.expect(lambda s: s.state == "left")
    assert await sandbox.participants() == {}
    await device.tell(Command.REJOIN)
    await sandbox.expect_media()


async def test_removed_by_a_host_is_respected(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await sandbox.order("remove-peer", room_id="abcd-efgh-ijkl", peer_id="front-door")
    status = await device.expect_problem("evicted.removed_by_api")
    assert status.state == "held"
    await device.tell(Command.REJOIN)
    await sandbox.expect_media()


async def test_no_secret_is_in_the_log_or_the_status(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_LOG__LEVEL="debug")
    await sandbox.expect_media()
    status = await device.expect(lambda s: s.state == "joined")
    await device.stop()
    for text in (device.log, status.model_dump_json()):
        assert "eyJ" not in text, "a token begins like this"
        assert "secret=" not in text
    assert "joined abcd-efgh-ijkl" in device.log
