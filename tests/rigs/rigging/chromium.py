"""Debian's Chromium without a screen."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from playwright.async_api import Browser, async_playwright

EXECUTABLE: Final = "/usr/bin/chromium"
_FLAGS: Final = (
    "--no-sandbox",  # tests run as root
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
)
_START: Final = 60_000.0  # milliseconds; a busy machine takes a while


@contextlib.asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """A browser of its own until the block is left; `flags` are more of its command line."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=EXECUTABLE, headless=True, args=[*_FLAGS, *flags], timeout=_START
        )
        try:
            yield browser
        finally:
            await browser.close()
