"""What scripts/bench latency measures with still fits the daemon: each picture is found at each stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser
from rig.device import NAME
from rig.latency import Shown, match, read_digests, read_traces, stages
from rig.onlooker import Onlooker
from rig.room_server import ROOM, RoomServer
from rig.screening import trace, traced
from rig.viewer import Viewer
from rigging.waiting import eventually

pytestmark = pytest.mark.interop

WIDTH = 1280


async def test_each_picture_is_followed_from_its_capture_to_the_screen(
    server: RoomServer, browser: Browser, tmp_path: Path
) -> None:
    await server.start()
    page = await browser.new_page()
    onlooker, viewer = Onlooker(page), Viewer(page)
    await onlooker.install()
    await viewer.open(server.url, ROOM)
    shown: list[Shown] = []
    async with traced(tmp_path, server.url, {"CAMERA__ENCODER": "x264", "CAMERA__FPS": "15"}):
        await viewer.first_picture(NAME)
        await viewer.expect_width(WIDTH)
        await onlooker.watch(None)

        async def enough() -> bool:
            shown.extend(await onlooker.pictures(WIDTH))
            return len(shown) >= 30

        await eventually(enough, within=60, what="thirty pictures")
        counts = await onlooker.counts()
    await page.close()
    sent = read_traces(trace(tmp_path), layer=0)
    matched = match(sent, shown)
    assert len(matched) == len(shown)
    for pair in matched:
        passed = stages(*pair)
        assert min(passed.capture, passed.encode, passed.hand_over, passed.first_packet, passed.pace) >= 0
        assert 0 < passed.device < 10
        assert 0 < passed.total < 10
    assert counts.decoded >= len(shown)
    assert len(set(read_digests(trace(tmp_path)))) >= len(sent)
