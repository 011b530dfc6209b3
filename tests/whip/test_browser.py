"""A browser answers the offer and shows what it gets."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page
from rigging.waiting import end
from whip_rig.page_server import PageServer


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_chromium_shows_and_plays_it(page: Page, start_device: Any, codec: str) -> None:
    async with PageServer(page).running() as server:
        device = await start_device(
            server.url, CAMERA__CODEC=codec, CAMERA__WIDTH="640", CAMERA__HEIGHT="360"
        )
        await server.expect_moving(640)
        await server.expect_tone()
        status = await device.expect(
            lambda s: s.state == "joined" and all(e.round_trip_time for p in s.producers for e in p.encodings)
        )
        assert {p.codec for p in status.producers} == {"opus", codec}
        await end(device.process, within=20, what="the daemon")
        assert server.deleted == 1


async def test_who_takes_no_layers_gets_the_highest(page: Page, start_device: Any) -> None:
    """Chromium sends simulcast and receives none: its answer names no rid."""
    async with PageServer(page).running() as server:
        device = await start_device(server.url, MEETING__MULTISTREAM="true")
        await server.expect_moving(1280)
        assert "a=simulcast:send f;h;q" in server.offers[0]
        status = await device.expect(lambda s: s.state == "joined")
        assert [len(p.encodings) for p in status.producers if p.kind == "video"] == [1]


async def test_a_page_that_is_closed_and_opened_again(page: Page, start_device: Any) -> None:
    async with PageServer(page).running() as server:
        device = await start_device(server.url, CAMERA__WIDTH="640", CAMERA__HEIGHT="360")
        await server.expect_moving(640)
        await page.evaluate("peer.close()")
        await device.expect(lambda s: s.attempts >= 2, within=60)
        await server.expect_moving(640)
