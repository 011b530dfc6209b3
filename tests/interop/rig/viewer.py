"""Somebody who looks at a page in Chromium: edgemeet's viewer, pointed at any server of the same wire."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from playwright.async_api import Page

_TILE = "window.edgemeet?.tiles.find((tile) => tile.name === name)"


class Viewer:
    """Every wait has a deadline and fails the test when it passes."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def open(self, url: str, room: str) -> None:
        await self.page.goto(f"{url}/?room={room}")
        await self._until("() => window.edgemeet?.state === 'joined'", None, 15)

    async def first_picture(self, name: str, *, within: float = 40) -> float:
        """Unix time at which the participant's first picture was shown."""
        await self._until(f"(name) => {_TILE}?.firstFrameAt != null", name, within)
        at: float = await self.page.evaluate(
            f"(name) => (performance.timeOrigin + {_TILE}.firstFrameAt) / 1000", name
        )
        return at

    async def expect_moving(
        self, name: str, *, frames: int = 30, within: float = 30, counted: bool = True
    ) -> None:
        """Pictures that change, and whose drawn counter, if there is one, goes up."""
        peer_id = await self._peer_id(name)
        seen: list[dict[str, Any]] = await self.page.evaluate(
            "({peerId, frames, timeout}) => edgemeet.watchFrames(peerId, frames, timeout)",
            {"peerId": peer_id, "frames": frames, "timeout": 1000 * within},
        )
        counters = [frame["counter"] for frame in seen]
        if counted:
            assert None not in counters, counters
            assert all(later > earlier for earlier, later in itertools.pairwise(counters)), counters
        hashes = [frame["hash"] for frame in seen]
        assert all(later != earlier for earlier, later in itertools.pairwise(hashes)) or not counted
        assert len(set(hashes)) > frames / 2

    async def expect_tone(self, name: str, hertz: float = 440.0, *, within: float = 20) -> None:
        """The loudest frequency of the sound, twice in a row."""
        peer_id = await self._peer_id(name)
        heard: list[float | None] = []
        try:
            async with asyncio.timeout(within):
                while len(heard) < 2 or any(each is None or abs(each - hertz) > 2 for each in heard[-2:]):
                    heard.append(await self.page.evaluate("(id) => edgemeet.audioPeakHz(id)", peer_id))
                    await asyncio.sleep(0.3)
        except TimeoutError:
            pytest.fail(f"no tone of {hertz} Hz in the sound of {name}; heard {heard}")

    async def watch_gaps(self) -> None:
        """From now on the longest time without a new picture is measured, whichever participant's it is."""
        await self.page.evaluate(
            """() => {
                const seen = new Map();
                const gap = (window.pictureGap = { last: performance.now(), longest: 0 });
                setInterval(() => {
                    let moved = false;
                    for (const video of document.querySelectorAll("video")) {
                        const frames = video.getVideoPlaybackQuality().totalVideoFrames;
                        moved ||= frames > (seen.get(video) ?? 0);
                        seen.set(video, frames);
                    }
                    if (!moved) return;
                    const now = performance.now();
                    gap.longest = Math.max(gap.longest, now - gap.last);
                    gap.last = now;
                }, 10);
            }"""
        )

    async def longest_gap(self) -> float:
        """Seconds."""
        longest: float = await self.page.evaluate("() => pictureGap.longest / 1000")
        return longest

    async def switch(self, name: str, layer: str, width: int, *, within: float) -> float:
        """Press a layer's button; gives the seconds until a picture of this width is shown."""
        await self.page.get_by_role("button", name=layer).click()
        seconds: float = await self.page.evaluate(
            """async ({width, timeout}) => {
                const began = performance.now();
                const video = document.querySelector("video");
                while (video.videoWidth !== width) {
                    if (performance.now() - began > timeout) throw new Error(`${video.videoWidth} wide`);
                    await new Promise((wake) => setTimeout(wake, 10));
                }
                return (performance.now() - began) / 1000;
            }""",
            {"width": width, "timeout": 1000 * within},
        )
        return seconds

    async def expect_width(self, width: int, *, within: float = 30) -> None:
        await self._until("(width) => document.querySelector('video')?.videoWidth === width", width, within)

    async def _peer_id(self, name: str) -> str:
        await self.first_picture(name)
        peer_id: str = await self.page.evaluate(f"(name) => {_TILE}.peerId", name)
        return peer_id

    async def _until(self, condition: str, argument: object, within: float) -> None:
        await self.page.wait_for_function(condition, arg=argument, timeout=1000 * within, polling=50)
