"""A room on real mediasoup, somebody in Chromium who watches it, and what came to both."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page
from rig.parts import HERE as RIG
from rig.parts import part
from rig.room_server import ROOM, VIEWER, RoomServer
from rigging.chromium import chromium

from measuring.wire import HERE, Wire, wire

_PUBLISHER: Final = """\
<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<script type="module" src="publish.js"></script>
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What had come by now of a participant's video: bytes at the server, pictures decoded by the viewer."""

    at: float  # seconds, monotonic
    octets: int
    pictures: int

    def kilobits_since(self, before: Arrived) -> float:
        """A second."""
        return 8 * (self.octets - before.octets) / (self.at - before.at) / 1000

    def pictures_since(self, before: Arrived) -> float:
        """A second."""
        return (self.pictures - before.pictures) / (self.at - before.at)


class Room:
    """Made by `open_room`."""

    def __init__(self, server: RoomServer, folder: Path, cable: Wire | None) -> None:
        self.server = server
        self.folder = folder
        self.cable = cable
        self.page: Page | None = None

    async def arrived(self, peer_id: str) -> Arrived:
        """Counts of a participant's video; no viewer, no pictures."""
        producers = await self.server.producers(peer_id)
        stats: list[dict[str, Any]] = producers["video"]["stats"] if "video" in producers else []
        pictures = 0
        if self.page is not None:
            pictures = await self.page.evaluate("(id) => edgemeet.framesDecoded(id)", peer_id)
        return Arrived(time.monotonic(), sum(each["byteCount"] for each in stats), pictures)

    async def size_shown(self) -> str:
        """Width and height of the first picture that the viewer shows now."""
        assert self.page is not None
        size: str = await self.page.evaluate(
            "() => { const v = document.querySelector('video'); return `${v.videoWidth}x${v.videoHeight}`; }"
        )
        return size

    async def watch(self) -> None:
        """Let the viewer join."""
        assert self.page is not None
        await self.page.goto(f"{self.server.url}/?room={ROOM}")
        await self.page.wait_for_function("() => window.edgemeet?.state === 'joined'", timeout=20_000)

    async def pictures_come(self, peer_id: str, *, within: float = 60) -> None:
        """Wait until the server has received some of this participant, and the viewer, if any, decoded some.

        Raises:
            TimeoutError: none came.
        """
        async with asyncio.timeout(within):
            while True:
                now = await self.arrived(peer_id)
                if now.octets > 50_000 and (self.page is None or now.pictures > 10):
                    return
                await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def open_room(*, watched: bool = True, wired: bool = False) -> AsyncIterator[Room]:
    """A server with one room, and a viewer in it unless it is not to be watched.

    Media is on loopback; with `wired` it is at this end of a virtual cable, for a sender at the other.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgemeet-bench-")))
        cable = stack.enter_context(wire()) if wired else None
        server = RoomServer(folder / "room-server.log")
        stack.push_async_callback(server.stop)
        address = HERE if cable is not None else "127.0.0.1"
        await server.start(pages=_pages(folder), media_address=address, lenient_whip=True)
        room = Room(server, folder, cable)
        if watched:
            browser = await stack.enter_async_context(chromium())
            room.page = await browser.new_page(viewport={"width": 1280, "height": 800})
            await room.watch()
        yield room


def _pages(folder: Path) -> Path:
    """The sandbox's viewer, and the page that publishes a camera with mediasoup-client."""
    pages = folder / "pages"
    shutil.copytree(VIEWER, pages)
    packages = part("PACKAGES") / "node_modules"
    (esbuild,) = packages.glob("@esbuild/*/bin/esbuild")
    subprocess.run(
        [
            esbuild,
            RIG / "page" / "publish.js",
            "--bundle",
            "--format=esm",
            f"--outfile={pages / 'publish.js'}",
        ],
        env={"NODE_PATH": str(packages)},
        check=True,
        capture_output=True,
    )
    (pages / "publish.html").write_text(_PUBLISHER)
    return pages
