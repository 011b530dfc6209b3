"""A daemon that publishes over WHIP. `./scripts/test-whip` brings what is on the other side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from rig.device import Device
from rigging.chromium import chromium
from rigging.waiting import end
from whip_rig.janus import Janus, Watcher

# Else a page without a camera names its addresses by mDNS, which nobody here resolves.
_ADDRESSES = "--disable-features=WebRtcHideLocalIpsWithMdns"

StartDevice = Callable[..., Awaitable[Device]]


@pytest.fixture
async def start_device(tmp_path: Path) -> AsyncIterator[StartDevice]:
    """Starts the one daemon of a test; it has ended in order when the test has."""
    device = Device(tmp_path, "front-door")

    async def start(endpoint: str, **environ: str) -> Device:
        whip = {"MEETING__PROTOCOL": "whip", "WHIP__ENDPOINT": endpoint}
        await device.start("http://127.0.0.1:9", **whip, **environ)
        return device

    yield start
    if device.process is not None:
        # The promise is 5 s, which the tests in e2e hold; here two cores run Janus and Chromium too.
        await end(device.process, within=20, what="the daemon")


@pytest.fixture
async def janus(tmp_path: Path) -> AsyncIterator[Janus]:
    """Not started yet."""
    janus = Janus(tmp_path)
    try:
        yield janus
    finally:
        await janus.stop()


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    """Not watching yet."""
    watcher = Watcher()
    yield watcher
    await watcher.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium(_ADDRESSES) as browser:
        yield browser


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Empty; the test fails when something is thrown in it."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    assert thrown == []
