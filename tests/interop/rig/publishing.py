"""What is seen and heard of a device that publishes, whatever protocol it came in by."""

from __future__ import annotations

from typing import Any

from rig.device import NAME, SMALL, Device, StartDevice
from rig.network import SERVER, Network
from rig.results import Row, slowest_switch
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer

CODECS = {"h264": "video/H264", "vp8": "video/VP8"}
WIDTHS = {"low": 320, "mid": 640, "high": 1280}


async def expect_video_and_sound(
    result: Row,
    codec: str,
    layers: int,
    *,
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    **environ: str,
) -> tuple[Device, dict[str, Any]]:
    """Pictures that change, the tone, and layers that the viewer can choose.

    Returns:
        The device, still in the meeting, and mediasoup's producer of its pictures.
    """
    await server.start()
    await viewer.open(server.url, ROOM)
    multistream = str(layers > 1).lower()
    device = await start_device(
        server.url, CAMERA__CODEC=codec, CAMERA__FPS="15", MEETING__MULTISTREAM=multistream, **environ
    )
    result.seconds = await viewer.first_picture(NAME) - device.started_at
    await viewer.expect_width(WIDTHS["high"])
    await viewer.expect_moving(NAME)
    await viewer.expect_tone(NAME, 440)
    await server.expect_scores("front-door", "video", layers)
    await server.expect_scores("front-door", "audio", 1)
    video: dict[str, Any] = (await server.producers("front-door"))["video"]
    assert video["codec"]["mimeType"] == CODECS[codec]
    assert video["type"] == ("simulcast" if layers > 1 else "simple")
    if layers > 1:
        switches = [await _switch(viewer, layer) for layer in ("low", "mid", "high", "low", "high")]
        result.note = slowest_switch(switches)
    return device, video


async def expect_media_from_behind(
    network: Network,
    result: Row,
    *,
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    **environ: str,
) -> dict[str, Any]:
    """A small picture that changes, and the tone, of a device in the network; gives the path they take."""
    await viewer.open(server.url, ROOM)
    device = await start_device(
        f"http://{SERVER}:{server.port}", namespace=network.device, **SMALL, **environ
    )
    result.seconds = await viewer.first_picture(NAME) - device.started_at
    await viewer.expect_moving(NAME)
    await viewer.expect_tone(NAME, 440)
    path: dict[str, Any] = await server.path_of("front-door")
    return path


async def _switch(viewer: Viewer, layer: str) -> float:
    seconds = await viewer.switch(NAME, layer, WIDTHS[layer], within=10)
    await viewer.expect_moving(NAME, frames=5)
    return seconds
