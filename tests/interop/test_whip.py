"""edgemeet's media into real mediasoup over WHIP, seen and heard in Chromium.

Offers are read and answered by mediasoup-client's own classes for SDP; see server/offer.js.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rig.device import SMALL, StartDevice
from rig.network import FIREWALL, SERVER, Network, turn_link
from rig.publishing import expect_media_from_behind, expect_video_and_sound
from rig.results import Row
from rig.room_server import RoomServer
from rig.viewer import Viewer
from rigging.waiting import eventually

pytestmark = pytest.mark.interop

WHIP = {"MEETING__PROTOCOL": "whip"}
THROUGH = "mediasoup, over WHIP"


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_video_and_sound_arrive(
    codec: str,
    layers: int,
    server: RoomServer,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
) -> None:
    result = row(through=THROUGH, receiver="Chromium", codec=f"{codec} + opus", layers=layers)
    device, video = await expect_video_and_sound(
        result, codec, layers, server=server, start_device=start_device, viewer=viewer, **WHIP
    )
    if layers > 1:
        assert [encoding["rid"] for encoding in video["encodings"]] == ["q", "h", "f"], "the lowest first"
    status = await device.expect(lambda s: s.state == "joined" and s.health == ())
    assert status.meeting.protocol == "whip"
    assert (status.joins, status.attempts) == (1, 1)


async def test_the_participant_is_gone_when_the_device_leaves(
    server: RoomServer, start_device: StartDevice
) -> None:
    await server.start()
    device = await start_device(server.url, **SMALL, **WHIP)
    await server.expect_scores("front-door", "video", 1)
    await device.stop()
    assert await server.peers() == {}, "DELETE was answered before the process ended"


async def test_transports_that_the_server_forgot(server: RoomServer, start_device: StartDevice) -> None:
    await server.start()
    device = await start_device(server.url, **SMALL, **WHIP)
    await server.expect_scores("front-door", "video", 1)
    before = (await server.producers("front-door"))["video"]["id"]
    await server.fault("closeTransports")

    async def replaced() -> bool:
        now = await server.producers("front-door")
        return set(now) == {"audio", "video"} and now["video"]["id"] != before

    await eventually(replaced, within=60, what="new producers")
    await server.expect_scores("front-door", "video", 1)
    await device.expect(lambda status: status.state == "joined" and status.joins == 2)
    assert set(await server.peers()) == {"front-door"}


async def test_media_goes_over_tcp_where_udp_is_blocked(
    server: RoomServer,
    network: Network,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
) -> None:
    """The answer names an address for each."""
    result = row(through=THROUGH, receiver="Chromium", codec="h264 + opus", transport="TCP, UDP blocked")
    network.block("UDP")
    await server.start(media_address=SERVER)
    path = await expect_media_from_behind(
        network, result, server=server, start_device=start_device, viewer=viewer, **WHIP
    )
    assert (path["remoteIp"], path["protocol"]) == (FIREWALL, "tcp")


@pytest.mark.parametrize(
    ("blocked", "relay"), [("UDP but to TURN", "udp"), ("UDP", "tcp")], ids=["UDP", "TCP"]
)
async def test_media_takes_the_relay_that_the_answer_names(
    blocked: str,
    relay: str,
    server: RoomServer,
    network: Network,
    coturn: None,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
) -> None:
    """Nothing else leads here, and the offer could not name the relay's address: it goes by PATCH.

    mediasoup's ICE is lite and needs no word of an address. This server takes no media before it has one.
    """
    result = row(
        through=THROUGH, receiver="Chromium", codec="h264 + opus", transport=f"TURN over {relay.upper()}"
    )
    network.block(blocked)
    await server.start(
        media_address=SERVER, whip_link=turn_link(relay), whip_protocol="UDP_ONLY", whip_waits_to_be_told=True
    )
    path = await expect_media_from_behind(
        network, result, server=server, start_device=start_device, viewer=viewer, **WHIP
    )
    assert (path["remoteIp"], path["protocol"]) == (SERVER, "udp")
    candidates = (await server.peers())["front-door"]["candidates"]
    assert {candidate["type"] for candidate in candidates["offered"]} == {"host"}
    told = {"type": "relay", "ip": path["remoteIp"], "port": path["remotePort"]}
    assert candidates["trickled"] == [told]
