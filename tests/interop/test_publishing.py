"""edgemeet's media through real mediasoup, seen and heard in Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rig.device import StartDevice
from rig.publishing import expect_video_and_sound
from rig.results import Row
from rig.room_server import RoomServer
from rig.viewer import Viewer

pytestmark = pytest.mark.interop


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
    await expect_video_and_sound(
        result, codec, layers, server=server, start_device=start_device, viewer=viewer
    )
