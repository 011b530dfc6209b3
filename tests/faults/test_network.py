"""Cables, addresses, routers and names, in network namespaces."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rig.device import Device
from rig.names import NameServer
from rig.network import Network
from rig.protocols import both_protocols
from rig.server import RoomServer

StartDevice = Callable[..., Awaitable[Device]]
Recovered = Callable[[int, float], None]

# Deadlines: several times the aim, for two busy cores.
SOON = 45.0
# Seconds that the link is cut for long: CI has no ten minutes, a measurement has, once.
LONG = float(os.environ.get("FAULTS_CUT") or (600 if "FAULTS_MEASURE" in os.environ else 75))
SIGNALING_TCP = "meta l4proto tcp drop;"


@pytest.fixture
async def device(network: Network, far_server: RoomServer, start_device: StartDevice) -> Device:
    """In the meeting, beyond the router."""
    device = await start_device(far_server, namespace=network.device)
    await far_server.expect_media()
    return device


async def cut(network: Network, server: RoomServer, seconds: float) -> float:
    """Pull the cable for so long; the seconds from its return to media."""
    network.pull_cable()
    await asyncio.sleep(seconds)
    network.plug_cable()
    return await server.arrivals.back(time.monotonic(), within=SOON)


@both_protocols
async def test_link_cut_for_ten_seconds(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    recovered(1, await cut(network, far_server, 10))
    await device.expect_well()


@both_protocols
async def test_nothing_comes_through_for_eight_seconds(
    network: Network, far_server: RoomServer, device: Device
) -> None:
    """The router has lost the world, and no event tells of its return: nothing was torn down meanwhile."""
    network.forward("drop;")
    await device.expect_problem("media.stalled")
    await asyncio.sleep(3)
    network.forward("")
    await far_server.arrivals.back(time.monotonic(), within=SOON)
    assert (await device.expect_well()).joins == 1
    assert len(far_server.arrivals.video_ids) == 1


@pytest.mark.measured_once
@pytest.mark.timeout(LONG + 240)
@both_protocols
async def test_link_cut_for_long(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    """Longer than ICE's consent, the websocket's pings and the first eight pauses between joins last."""
    recovered(2, await cut(network, far_server, LONG))
    await device.expect_well()


@both_protocols
async def test_another_address(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    """Packets may go on from an address that is gone, with no answer: so the longest pause counts."""
    far_server.arrivals.forget_gaps()
    network.change_address()
    await asyncio.sleep(20)
    await far_server.expect_media()
    recovered(3, far_server.arrivals.longest_gap())
    assert far_server.arrivals.longest_gap() < SOON
    await device.expect_well()


@both_protocols
async def test_another_route(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    """The address is still there, and the way out that is left takes no packets from it."""
    network.open_second_way()
    await asyncio.sleep(4)
    assert (await device.expect_well()).joins == 1, "one more way harms nobody"
    far_server.arrivals.forget_gaps()
    network.lose_first_way()
    await asyncio.sleep(15)
    await far_server.expect_media()
    recovered(3, far_server.arrivals.longest_gap())
    assert far_server.arrivals.longest_gap() < SOON
    assert "the network has changed" in device.log
    assert "Traceback" not in device.log
    await device.expect_well()


@pytest.mark.parametrize("how", ["silent", "failing"])
@both_protocols
async def test_names_that_are_not_resolved(
    how: str,
    network: Network,
    far_server: RoomServer,
    start_device: StartDevice,
    recovered: Recovered,
    tmp_path: Path,
) -> None:
    names = NameServer(network.server)
    await names.start()
    try:
        device = await start_device(
            far_server,
            url=f"http://room.example:{far_server.port}",
            namespace=network.device,
            mounts=names.mounts(tmp_path),
        )
        await far_server.expect_media()
        assert names.asked > 0
        names.answers = how
        far_server.arrivals.forget_gaps()
        await asyncio.sleep(8)
        assert far_server.arrivals.longest_gap() < 3, "media needs no names"
        far_server.end_session()
        await device.expect_problem("network.dns", "network.timeout")
        names.answers = "well"
        recovered(4, await far_server.arrivals.back(time.monotonic(), within=60))
        await device.expect_well()
    finally:
        names.close()


@both_protocols
async def test_five_percent_loss_on_a_narrow_path(
    network: Network, far_server: RoomServer, start_device: StartDevice
) -> None:
    """Loss is made by the router, of what it forwards in both directions."""
    device = await start_device(
        far_server, namespace=network.device, CAMERA__WIDTH="640", CAMERA__HEIGHT="360"
    )
    await far_server.expect_media()
    network.limit(300)
    network.forward("numgen random mod 1000 < 50 drop;")
    await device.expect(
        lambda s: sum(e.target_bitrate or 0 for p in s.producers for e in p.encodings) <= 300_000,
        within=60,
        what="a bitrate that fits",
    )
    await asyncio.sleep(3)  # what was queued before
    (video,) = (p for p in far_server.device().producers.values() if p.kind == "video")
    (encoding,) = video.encodings
    far_server.arrivals.forget_gaps()
    packets, keyframes = encoding.packets, encoding.keyframes
    await asyncio.sleep(10)
    assert encoding.packets - packets > 30, "pictures go on"
    assert encoding.bitrate(time.monotonic()) < 330_000
    assert far_server.arrivals.longest_gap() < 4
    assert encoding.keyframes >= keyframes
    assert (await device.expect(lambda s: s.state == "joined")).joins == 1


@both_protocols
async def test_another_translation_of_addresses(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    far_server.arrivals.forget_gaps()
    network.rebind()
    await asyncio.sleep(25)  # until the websocket's pings have told that it is gone too
    await far_server.expect_media()
    recovered(9, far_server.arrivals.longest_gap())
    await device.expect_well()
    assert far_server.arrivals.longest_gap() < SOON


@both_protocols
async def test_ipv6_that_leads_nowhere(
    network: Network,
    far_server: RoomServer,
    start_device: StartDevice,
    recovered: Recovered,
    tmp_path: Path,
) -> None:
    """The name has an address of each kind; what goes to the one of IPv6 is lost without a word."""
    network.lead_ipv6_nowhere()
    names = NameServer(network.server, ipv6="fd00:dead::1")
    await names.start()
    try:
        device = await start_device(
            far_server,
            url=f"http://room.example:{far_server.port}",
            namespace=network.device,
            mounts=names.mounts(tmp_path),
        )
        await far_server.expect_media()
        recovered(10, far_server.arrivals.first - device.started)
        assert names.asked_for_ipv6 > 0
    finally:
        names.close()


async def test_a_half_open_websocket(
    network: Network, far_server: RoomServer, device: Device, recovered: Recovered
) -> None:
    """Nothing of TCP comes through any more, and nobody says so."""
    far_server.arrivals.forget_gaps()
    network.forward(SIGNALING_TCP)
    began = time.monotonic()

    def noticed(status: Any) -> bool:
        return any(h.code.startswith(("signaling.", "network.")) for h in status.health)

    await device.expect(noticed, within=45, what="the loss of signaling")
    recovered(11, time.monotonic() - began)
    network.forward("")
    await far_server.arrivals.back(time.monotonic(), within=60)
    await device.expect_well()
