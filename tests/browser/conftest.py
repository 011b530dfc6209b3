"""A real Chromium for the viewer page, and what tests want to know about what it shows."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    started: str

    @classmethod
    def all(cls) -> dict[Process, int]:
        """Every living process and its parent's id."""
        found: dict[Process, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            if fields[0] != "Z":
                found[cls(int(entry.parent.name), fields[19])] = int(fields[1])
        return found

    @classmethod
    def below(cls, pid: int) -> set[Process]:
        """Every living descendant of `pid`."""
        everything = cls.all()
        reached, found = {pid}, set[Process]()
        while fresh := {p for p, parent in everything.items() if parent in reached} - found:
            found |= fresh
            reached |= {process.pid for process in fresh}
        return found


# One loop and one browser for each test module: starting a browser takes longer than most of the tests.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, gone with all its processes afterwards."""
    if not os.access(CHROMIUM, os.X_OK):
        pytest.fail(
            f"{CHROMIUM} is missing: the viewer page is tested in a real Chromium; install `chromium`"
        )
    before = Process.below(os.getpid())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=list(FLAGS), timeout=30_000
        )
        started = Process.below(os.getpid()) - before
        assert started
        try:
            yield browser
        finally:
            started |= Process.below(os.getpid()) - before
            await browser.close()
    await _expect_gone(started)


async def _expect_gone(processes: set[Process]) -> None:
    try:
        async with asyncio.timeout(10):
            while processes & Process.all().keys():
                await asyncio.sleep(0.05)
    except TimeoutError:
        left = processes & Process.all().keys()
        for process in left:
            os.kill(process.pid, signal.SIGKILL)
        pytest.fail(f"{len(left)} processes of the browser outlived it")


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """An empty page; the test fails when anything is written to its console as an error or thrown in it."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            errors.append(f"{message.type}: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: errors.append(f"thrown: {error}"))
    yield page
    await context.close()
    assert errors == []


class Watcher:
    """What somebody who looks at the page expects of a participant, by the name on its tile.

    Every wait has a deadline and fails the test when it passes.
    """

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open(self, base_url: str, room: str) -> None:
        """Open the page of a room."""
        await self.page.goto(f"{base_url}/?room={room}")

    async def expect_state(self, state: str, *, within: float = 15) -> None:
        """The page's state line comes to say `state`."""
        await self._wait_for("(state) => window.edgemeet?.state === state", state, within)

    async def expect_shown(self, name: str, *, within: float = 20) -> str:
        """The participant's tile shows pictures; gives its peer id."""
        tile = f"({_TILE})(name)"
        await self._wait_for(f"(name) => {tile}?.firstFrameAt != null", name, within)
        peer_id: str = await self.page.evaluate(f"(name) => {tile}.peerId", name)
        return peer_id

    async def expect_gone(self, name: str, *, within: float = 10) -> None:
        """The participant's tile goes away."""
        await self._wait_for(f"(name) => !({_TILE})(name)", name, within)

    async def expect_moving_picture(self, name: str, *, frames: int = 60, within: float = 30) -> None:
        """That many decoded pictures, each unlike the one before, with a counter that goes up."""
        peer_id = await self.expect_shown(name)
        before = await self._decoded(peer_id)
        seen: list[dict[str, Any]] = await self.page.evaluate(
            "({peerId, frames, timeout}) => edgemeet.watchFrames(peerId, frames, timeout)",
            {"peerId": peer_id, "frames": frames, "timeout": 1000 * within},
        )
        assert len(seen) >= frames
        counters = [frame["counter"] for frame in seen]
        assert None not in counters, f"no frame counter can be read: {counters}"
        assert all(later > earlier for earlier, later in itertools.pairwise(counters)), counters
        assert all(later["hash"] != earlier["hash"] for earlier, later in itertools.pairwise(seen))
        # The figure of the statistics may lag a little behind what is on the screen.
        await self._wait_for(
            "async ({peerId, least}) => await edgemeet.framesDecoded(peerId) >= least",
            {"peerId": peer_id, "least": before + frames - 1},
            5,
        )

    async def expect_tone(
        self, name: str, hertz: float = 440.0, *, tolerance: float = 2.0, within: float = 15
    ) -> None:
        """The loudest frequency in the received sound."""
        peer_id = await self.expect_shown(name)
        heard: list[float | None] = []
        try:
            async with asyncio.timeout(within):
                # Two in a row: the window of the first may still hold the silence before.
                while len(heard) < 2 or any(
                    each is None or abs(each - hertz) > tolerance for each in heard[-2:]
                ):
                    heard.append(await self.page.evaluate("(id) => edgemeet.audioPeakHz(id)", peer_id))
                    await asyncio.sleep(0.3)
        except TimeoutError:
            pytest.fail(f"no tone of {hertz} Hz in the sound of {name}; heard {heard}")

    async def expect_quick_reload(self, name: str, *, seconds: float = 3.0) -> float:
        """After a reload the first picture is there in time; gives the seconds from the navigation."""
        await self.page.reload()
        peer_id = await self.expect_shown(name)
        tiles = await self.page.evaluate("() => edgemeet.tiles")
        took: float = next(tile["firstFrameAt"] for tile in tiles if tile["peerId"] == peer_id) / 1000
        assert took < seconds, f"the first picture after a reload took {took:.2f} s"
        return took

    async def expect_width(self, name: str, width: int, *, within: float = 20) -> None:
        """The received picture comes to be this wide."""
        await self._wait_for(
            f"({{name, width}}) => ({_TILE})(name)?.video?.width === width",
            {"name": name, "width": width},
            within,
        )

    async def _decoded(self, peer_id: str) -> int:
        decoded: int = await self.page.evaluate("(id) => edgemeet.framesDecoded(id)", peer_id)
        return decoded

    async def _wait_for(self, condition: str, argument: object, within: float) -> None:
        # Polled by time, not by animation frame: a busy machine may paint rarely.
        await self.page.wait_for_function(condition, arg=argument, timeout=1000 * within, polling=50)


_TILE = "(wanted) => window.edgemeet?.tiles.find((tile) => tile.name === wanted)"


@pytest.fixture
def watcher(page: Page) -> Watcher:
    """Somebody who looks at the page."""
    return Watcher(page)
