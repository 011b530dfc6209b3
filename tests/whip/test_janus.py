"""Into Janus, through Debian's simple-whip-server."""

from __future__ import annotations

from typing import Any

import pytest
from rigging.waiting import end
from whip_rig.decoded import expect_moving, expect_tone, expect_width
from whip_rig.janus import TOKEN, Janus, Watcher


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_who_watches_sees_and_hears_it(
    janus: Janus, watcher: Watcher, start_device: Any, codec: str
) -> None:
    await janus.start(codec)  # the room chooses; the device likes H.264 best
    device = await start_device(janus.url, WHIP__BEARER=TOKEN, CAMERA__WIDTH="640", CAMERA__HEIGHT="360")
    await watcher.open()
    assert await expect_moving(watcher.tracks["video"]) == (640, 360)
    await expect_tone(watcher.tracks["audio"])
    status = await device.expect(
        lambda s: s.state == "joined" and all(e.round_trip_time for p in s.producers for e in p.encodings)
    )
    assert status.meeting.protocol == "whip"
    assert {p.codec for p in status.producers} == {"opus", codec}
    assert status.health == ()
    assert TOKEN not in device.log + status.model_dump_json()
    await end(device.process, within=20, what="the daemon")
    assert "Terminating WHIP session" in janus.log, "the DELETE must have come"


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_who_watches_chooses_a_layer(
    janus: Janus, watcher: Watcher, start_device: Any, codec: str
) -> None:
    await janus.start(codec)
    # 1280x720 in three layers.
    await start_device(janus.url, WHIP__BEARER=TOKEN, MEETING__MULTISTREAM="true")
    await watcher.open()
    await expect_width(watcher.tracks["video"], 1280)
    await watcher.choose_layer(0)
    await expect_width(watcher.tracks["video"], 320)
    await watcher.choose_layer(2)
    await expect_width(watcher.tracks["video"], 1280)


async def test_a_wrong_token_is_told(janus: Janus, start_device: Any) -> None:
    await janus.start()
    device = await start_device(janus.url, WHIP__BEARER="not-the-token-of-the-rig")
    status = await device.expect(lambda s: any(h.code == "auth.refused" for h in s.health))
    assert "Unauthorized" in status.health[0].message
    assert "not-the-token" not in device.log


async def test_a_server_that_starts_again_gets_its_device_back(
    janus: Janus, watcher: Watcher, start_device: Any
) -> None:
    await janus.start()
    device = await start_device(janus.url, WHIP__BEARER=TOKEN)
    await device.expect(lambda s: s.state == "joined")
    await janus.stop()
    await device.expect(lambda s: s.state == "waiting", within=60)
    await janus.start()
    await device.expect(lambda s: s.state == "joined" and s.health == (), within=60)
    await watcher.open()
    await expect_moving(watcher.tracks["video"])
