"""A server on this machine, a device behind a home router, and Chromium that watches it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from playwright.async_api import Page
from rig.device import Device
from rig.room_server import ROOM, RoomServer
from rigging.chromium import chromium
from rigging.waiting import end
from uplink.link import Link
from uplink.record import Record, Sample

from edgemeet.errors import ControlError

Server = Literal["sandbox", "mediasoup"]

_SANDBOX = """\
import asyncio
from edgemeet.sandbox import SandboxOptions, serve
options = SandboxOptions(host="{host}", port=0, rooms=("{room}",))
asyncio.run(serve(options, ready=lambda address: print(address.base_url, flush=True)))
"""
_WITHOUT_TRANSPORT_CC = Path(__file__).parent / "without_transport_cc.py"
# Notes when each picture is shown. The element is another one when the producer is.
_NOTE = """() => {
    window.pictures = [];
    const watched = new WeakSet();
    const watch = (video) => {
        watched.add(video);
        const note = (now) => {
            window.pictures.push([performance.timeOrigin + now, video.videoWidth]);
            video.requestVideoFrameCallback(note);
        };
        video.requestVideoFrameCallback(note);
    };
    setInterval(() => {
        for (const video of document.querySelectorAll("video")) if (!watched.has(video)) watch(video);
    }, 50);
}"""


class Stage:
    """A device that is watched. Made by `open_stage`."""

    def __init__(self, link: Link, device: Device, page: Page) -> None:
        self.link = link
        self.device = device
        self.record = Record()
        self._page = page

    async def watch(self) -> None:
        """Write down what is seen, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_device())
            group.create_task(self._watch_pictures())

    async def _watch_device(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            with contextlib.suppress(ControlError):
                status = await asyncio.to_thread(self.device.control.status)
                if (sample := Sample.of(status, time.monotonic())) is not None:
                    self.record.samples.append(sample)

    async def _watch_pictures(self) -> None:
        await self._page.evaluate(_NOTE)
        while True:
            await asyncio.sleep(1)
            shown: list[tuple[float, int]] = await self._page.evaluate("() => window.pictures.splice(0)")
            to_monotonic = time.monotonic() - time.time()
            self.record.pictures += [(at / 1000 + to_monotonic, width) for at, width in shown]

    async def first_pictures(self) -> None:
        """Wait until the viewer has seen a second of them.

        Raises:
            TimeoutError: it has not within a minute.
        """
        async with asyncio.timeout(60):
            while len(self.record.pictures) < 30:
                await asyncio.sleep(0.2)

    async def period(self, seconds: float) -> tuple[float, float]:
        """Let time pass; its beginning and end."""
        begin = time.monotonic()
        await asyncio.sleep(seconds)
        return begin, begin + seconds

    async def seen(self) -> None:
        """Wait until what was shown before now is in the record."""
        await asyncio.sleep(1.5)


@contextlib.asynccontextmanager
async def open_stage(
    folder: Path, *, server: Server = "sandbox", transport_cc: bool = True, **environ: str
) -> AsyncIterator[Stage]:
    """Server, device and viewer, until the block is left.

    Args:
        folder: for sockets and logs.
        server: what is between device and viewer.
        transport_cc: False for a device that knows REMB alone.
        environ: the device's configuration as variables, without EDGEMEET_.
    """
    async with contextlib.AsyncExitStack() as stack:
        link = stack.enter_context(Link())
        serve = _mediasoup if server == "mediasoup" else _sandbox
        url = await stack.enter_async_context(serve(folder, link.server))
        page = await stack.enter_async_context(_viewer(f"{url}/?room={ROOM}"))
        device = Device(folder, "uplink")
        stack.push_async_callback(device.stop)
        launcher = None if transport_cc else _WITHOUT_TRANSPORT_CC
        await device.start(url, namespace=link.device, launcher=launcher, **environ)
        stage = Stage(link, device, page)
        watching = asyncio.create_task(stage.watch())
        try:
            await stage.first_pictures()
            yield stage
        except TimeoutError as error:
            error.add_note(device.log[-3000:])
            raise
        finally:
            watching.cancel()
            await asyncio.wait({watching})
            if not watching.cancelled() and (fault := watching.exception()) is not None:
                raise fault


@contextlib.asynccontextmanager
async def _sandbox(folder: Path, address: str) -> AsyncIterator[str]:
    code = _SANDBOX.format(host=address, room=ROOM)
    with (folder / "sandbox.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert line, (folder / "sandbox.log").read_text()
        yield line.decode().strip()
    finally:
        await end(process, within=20, what="the sandbox")


@contextlib.asynccontextmanager
async def _mediasoup(folder: Path, address: str) -> AsyncIterator[str]:
    server = RoomServer(folder / "mediasoup.log")
    try:
        await server.start(media_address=address)
        yield f"http://{address}:{server.port}"
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def _viewer(url: str) -> AsyncIterator[Page]:
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        yield page
