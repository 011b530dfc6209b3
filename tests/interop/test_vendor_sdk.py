"""VideoSDK's own Python SDK as the other participant: on real mediasoup, and in our sandbox."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from rig.device import Device, StartDevice
from rig.results import Row
from rig.room_server import ROOM, RoomServer
from rig.vendor import Vendor
from rig.viewer import Viewer
from rigging.waiting import eventually

from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

pytestmark = pytest.mark.interop

StartVendor = Callable[..., Awaitable[Vendor]]
AddRow = Callable[..., Row]
VENDOR = "VideoSDK's Python SDK"


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    """The address of our own room server."""
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(SandboxOptions(port=0, rooms=(ROOM,)), ready=ready.set_result))
    yield (await asyncio.wait_for(ready, 10)).base_url
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def expect_media(vendor: Vendor, device: Device, result: Row) -> None:
    """The SDK decodes pictures that change, in full size, and hears the tone."""
    first = await vendor.expect("video", lambda e: e["peer"] == device.participant)
    result.seconds = first["at"] - device.started_at
    await vendor.expect("video", lambda e: e["count"] >= 60 and e["distinct"] > 50 and e["width"] == 640)
    await vendor.expect("audio", lambda e: e["peer"] == device.participant and abs(e["hertz"] - 440) < 2)
    assert not [event for event in vendor.events if event["event"] == "error"]


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_it_decodes_what_comes_through_mediasoup(
    codec: str, server: RoomServer, start_device: StartDevice, start_vendor: StartVendor, row: AddRow
) -> None:
    result = row(receiver=VENDOR, codec=f"{codec} + opus")
    await server.start()
    vendor = await start_vendor(server.url)
    await vendor.expect("joined")
    device = await start_device(
        server.url, CAMERA__CODEC=codec, CAMERA__WIDTH="640", CAMERA__HEIGHT="360", CAMERA__FPS="15"
    )
    await expect_media(vendor, device, result)


async def test_it_publishes_and_is_refused_in_order(
    server: RoomServer, start_device: StartDevice, start_vendor: StartVendor, viewer: Viewer, row: AddRow
) -> None:
    """What it sends is offered to edgemeet, which refuses media and takes data, and stays."""
    row(sender=VENDOR, receiver="edgemeet", codec="offered only", layers=1)
    await server.start()
    await viewer.open(server.url, ROOM)
    device = await start_device(server.url)
    await device.expect(lambda status: status.state == "joined" and len(status.producers) == 2)
    vendor = await start_vendor(server.url, publish=True)
    await vendor.expect("joined")
    await viewer.expect_moving("vendor", counted=False)
    await viewer.expect_tone("vendor", 660)

    async def answered() -> bool:
        answers = (await server.peers())["front-door"]["answers"]
        seen = {(each["method"], each["ok"], each.get("code")) for each in answers}
        assert seen <= {("newConsumer", False, 403), ("newDataConsumer", True, None)}, seen
        return len(seen) == 2

    await eventually(answered, within=20, what="edgemeet's answers to both kinds of consumers")
    await device.expect(lambda status: status.state == "joined" and status.joins == 1)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_it_decodes_in_the_sandbox(
    codec: str, sandbox: str, start_device: StartDevice, start_vendor: StartVendor, row: AddRow
) -> None:
    result = row(through="the sandbox", receiver=VENDOR, codec=f"{codec} + opus")
    vendor = await start_vendor(sandbox)
    await vendor.expect("joined")
    device = await start_device(
        sandbox, CAMERA__CODEC=codec, CAMERA__WIDTH="640", CAMERA__HEIGHT="360", CAMERA__FPS="15"
    )
    await expect_media(vendor, device, result)


async def test_it_is_seen_and_heard_in_the_sandbox(
    sandbox: str, start_vendor: StartVendor, viewer: Viewer, row: AddRow
) -> None:
    row(sender=VENDOR, through="the sandbox", receiver="Chromium", codec="its choice + opus")
    await viewer.open(sandbox, ROOM)
    vendor = await start_vendor(sandbox, publish=True)
    await vendor.expect("joined")
    await viewer.expect_moving("vendor", counted=False)
    await viewer.expect_tone("vendor", 660)
