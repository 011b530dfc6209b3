"""Chromium that notes when it receives, decodes and shows each picture: `latency.js`, asked from Python."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page
from rig.latency import Shown, clock_offset

_SCRIPT = Path(__file__).parent / "latency.js"
_LOOKS = 40  # at the page's clock


@dataclass(frozen=True, slots=True)
class Counts:
    """What the browser has counted since it began, of pictures that were decoded; seconds."""

    decoded: int
    dropped: int
    octets: int
    buffered: float
    emitted: int
    decoding: float
    processing: float

    @classmethod
    def of(cls, report: dict[str, Any]) -> Counts:
        return cls(
            decoded=report.get("framesDecoded", 0),
            dropped=report.get("framesDropped", 0),
            octets=report.get("bytesReceived", 0),
            buffered=report.get("jitterBufferDelay", 0.0),
            emitted=report.get("jitterBufferEmittedCount", 0),
            decoding=report.get("totalDecodeTime", 0.0),
            processing=report.get("totalProcessingDelay", 0.0),
        )


class Onlooker:
    """One page. `install` comes before the page is opened."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.uncertainty = 0.0  # seconds, of the page's clock against ours

    async def install(self) -> None:
        await self._page.add_init_script(path=_SCRIPT)

    async def watch(self, delay: float | None) -> None:
        """Begin to note; see latency.js."""
        await self._page.evaluate("(delay) => latency.watch(delay)", delay)

    async def counts(self) -> Counts:
        report: dict[str, Any] | None = await self._page.evaluate("() => latency.statistics()")
        assert report is not None, "the page receives no video"
        return Counts.of(report)

    async def pictures(self, width: int) -> list[Shown]:
        """Those of this width that were noted since the last call, their times on CLOCK_MONOTONIC."""
        noted: list[dict[str, Any]] = await self._page.evaluate("() => latency.pictures.splice(0)")
        offset = await self._offset()
        return [
            Shown(
                counter=each["counter"],
                timestamp=each["timestamp"],
                received=each["received"] / 1e3 + offset,
                decoding=each["decoding"],
                shown=each["shown"] / 1e3 + offset,
            )
            for each in noted
            if each["width"] == width and each["received"] is not None
        ]

    async def _offset(self) -> float:
        """What must be added to the page's seconds."""
        origin: float = await self._page.evaluate("() => performance.timeOrigin")
        claimed = origin / 1e3 - (time.time() - time.monotonic())
        looks = []
        for _ in range(_LOOKS):
            before = time.monotonic()
            now: float = await self._page.evaluate("() => performance.now()")
            looks.append((before - now / 1e3, time.monotonic() - now / 1e3))
        offset, self.uncertainty = clock_offset(claimed, looks)
        return offset
