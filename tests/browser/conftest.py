"""A real Chromium for the viewer page, and what tests want to know about what it shows."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

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
