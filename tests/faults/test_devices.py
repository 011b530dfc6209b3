"""Cameras and microphones: the processes that read them are killed, frozen, and too slow."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from rig.device import Device
from rig.server import RoomServer

StartDevice = Callable[..., Awaitable[Device]]
Recovered = Callable[[int, float], None]

SOON = 45.0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
async def test_a_camera_process(
    number: signal.Signals, server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """The longest time without a picture of the camera, in the same producer."""
    device = await start_device(server, MEETING__MIC="false")
    await server.expect_media("video")
    (child,) = device.children()
    os.kill(child, number)
    began = time.monotonic()
    await device.expect(
        lambda s: s.captures[0].restarts == 1 and s.captures[0].state == "running", within=SOON
    )
    recovered(31, time.monotonic() - began)
    await server.expect_media("video")
    await device.expect(lambda s: not any(c.placeholder for c in s.captures))
    assert len(server.arrivals.video_ids) == 1
    assert child not in device.children()
    assert (await device.expect_well()).joins == 1
