"""Those that are compared: each publishes the same pictures into the same room."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import httpx
from rig.device import Device
from rig.room_server import ROOM
from rig.vendor import Vendor, self_signed, tls_front
from rigging.chromium import chromium

from measuring import picture
from measuring.prepared import Material, inserted
from measuring.room import Room


@dataclass(frozen=True, slots=True)
class Sending:
    """One that sends: its first process, who it is in the room, and the device, if it is one."""

    pid: int
    peer_id: str
    device: Device | None = None


@contextlib.asynccontextmanager
async def edgemeet(
    room: Room, material: Material, *, participant: str = "edgemeet", **environ: str
) -> AsyncIterator[Sending]:
    """The daemon, its test camera giving the prepared pictures; `environ` is its configuration."""
    folder = room.folder / participant
    folder.mkdir()
    device = Device(folder, participant)
    chosen = {
        "CAMERA__ENCODER": "auto",
        "CAMERA__MAX_BITRATE": str(picture.BITRATE),
        "MEETING__MIC": "false",
    }
    try:
        with inserted(material):
            await device.start(room.server.url, name=participant, **(chosen | environ))
        assert device.process is not None
        yield Sending(device.process.pid, participant, device)
    finally:
        await device.stop()


def passthrough(room: Room, material: Material) -> AbstractAsyncContextManager[Sending]:
    """A film that is H.264 already."""
    return edgemeet(room, material, CAMERA__SOURCE="file", CAMERA__DEVICE=str(material.film))


@contextlib.asynccontextmanager
async def vendor(room: Room, material: Material, *, sound: bool = False) -> AsyncIterator[Sending]:
    """VideoSDK's own Python SDK with a track of ours."""
    async with contextlib.AsyncExitStack() as stack:
        certificate, key = self_signed(room.folder)
        port = await stack.enter_async_context(
            tls_front(certificate, key, int(room.server.url.rpartition(":")[2]))
        )
        async with httpx.AsyncClient(trust_env=False) as client:
            token = (await client.get(f"{room.server.url}/get-token")).json()["token"]
        participant = Vendor(room.folder, certificate)
        stack.push_async_callback(participant.stop)
        about = {"id": "vendor", "room": ROOM, "publish": True, "token": token}
        await participant.start(
            base_url=f"127.0.0.1:{port}", pictures=str(material.raw), sound=sound, **about
        )
        yield Sending(participant.pid, "vendor")


@contextlib.asynccontextmanager
async def chromium_camera(room: Room, material: Material, *, codec: str) -> AsyncIterator[Sending]:
    """A Chromium of its own whose fake camera plays the pictures; mediasoup-client sends them."""
    flags = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={material.y4m}",
    )
    async with chromium(*flags) as browser:
        session = await browser.new_browser_cdp_session()
        processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
        (pid,) = (each["id"] for each in processes if each["type"] == "browser")
        page = await browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        await page.goto(f"{room.server.url}/publish.html?room={ROOM}&codec={codec}&bitrate={picture.BITRATE}")
        try:
            await page.wait_for_function("() => window.publisher?.producing", timeout=30_000)
        except Exception as error:
            error.add_note(f"the page said: {faults}")
            raise
        yield Sending(pid, "chromium")
