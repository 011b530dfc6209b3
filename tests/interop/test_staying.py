"""A session that lasts: longer than the 30 s after which ICE's consent runs out on either side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rig.device import SMALL, Device
from rig.room_server import RoomServer

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("preferred", ["UDP_ONLY", "TCP_ONLY"])
async def test_a_device_stays(
    preferred: str, server: RoomServer, start_device: Callable[..., Awaitable[Device]]
) -> None:
    await server.start()
    device = await start_device(server.url, MEETING__PREFERRED_PROTOCOL=preferred, **SMALL)
    await server.expect_scores("front-door", "video", 1)
    await asyncio.sleep(45)
    await server.expect_scores("front-door", "video", 1, within=5)
    status = await device.expect(lambda status: status.state == "joined", within=5)
    assert status.joins == 1
    assert "ERROR" not in device.log
