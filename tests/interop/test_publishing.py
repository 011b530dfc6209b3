"""edgemeet's media through real mediasoup, seen and heard in Chromium."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from rig.device import NAME, Device
from rig.results import Row, slowest_switch
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer

pytestmark = pytest.mark.interop

StartDevice = Callable[..., Awaitable[Device]]
CODECS = {"h264": "video/H264", "vp8": "video/VP8"}
WIDTHS = {"low": 320, "mid": 640, "high": 1280}


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_video_and_sound_arrive(
    codec: str,
    layers: int,
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
) -> None:
    result = row(receiver="Chromium", codec=f"{codec} + opus", layers=layers)
    await server.start()
    await viewer.open(server.url, ROOM)
    multistream = str(layers > 1).lower()
    device = await start_device(
        server.url, CAMERA__CODEC=codec, CAMERA__FPS="15", MEETING__MULTISTREAM=multistream
    )
    result.seconds = await viewer.first_picture(NAME) - device.started_at
    await viewer.expect_width(WIDTHS["high"])
    await viewer.expect_moving(NAME)
    await viewer.expect_tone(NAME, 440)
    await server.expect_scores("front-door", "video", layers)
    await server.expect_scores("front-door", "audio", 1)
    video = (await server.producers("front-door"))["video"]
    assert video["codec"]["mimeType"] == CODECS[codec]
    assert video["type"] == ("simulcast" if layers > 1 else "simple")
    if layers > 1:
        switches = [await _switch(viewer, layer) for layer in ("low", "mid", "high", "low", "high")]
        result.note = slowest_switch(switches)


async def _switch(viewer: Viewer, layer: str) -> float:
    seconds = await viewer.switch(NAME, layer, WIDTHS[layer], within=10)
    await viewer.expect_moving(NAME, frames=5)
    return seconds
