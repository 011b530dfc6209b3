"""How media gets out: UDP, relays, TCP, each with the ways before it blocked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rig.device import NAME, SMALL, StartDevice
from rig.network import FIREWALL, SERVER, SILENT_PORT, Network, turn_server
from rig.publishing import expect_media_from_behind
from rig.results import Row
from rig.room_server import ROOM, RoomServer
from rig.viewer import Viewer

from edgemeet.signaling.initconfig import IceServer

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("blocked", "relay", "preferred", "remote", "protocol"),
    [
        pytest.param("nothing", None, "UDP_OVER_TCP", FIREWALL, "udp", id="direct UDP"),
        pytest.param("nothing", None, "UDP_ONLY", FIREWALL, "udp", id="UDP_ONLY"),
        pytest.param("nothing", None, "TCP_ONLY", FIREWALL, "tcp", id="TCP_ONLY"),
        pytest.param("UDP", None, "TCP_ONLY", FIREWALL, "tcp", id="TCP_ONLY, UDP blocked"),
        pytest.param("UDP", None, "UDP_OVER_TCP", FIREWALL, "tcp", id="UDP_OVER_TCP, UDP blocked"),
        pytest.param("UDP but to TURN", "udp", "UDP_ONLY", SERVER, "udp", id="TURN over UDP"),
        pytest.param("UDP", "tcp", "UDP_ONLY", SERVER, "udp", id="TURN over TCP"),
    ],
)
async def test_media_finds_a_way(
    blocked: str,
    relay: str | None,
    preferred: str,
    remote: str,
    protocol: str,
    server: RoomServer,
    network: Network,
    coturn: None,
    start_device: StartDevice,
    viewer: Viewer,
    row: Callable[..., Row],
    request: pytest.FixtureRequest,
) -> None:
    result = row(receiver="Chromium", codec="h264 + opus", transport=request.node.callspec.id)
    network.block(blocked)
    await server.start(media_address=SERVER, ice_servers=[turn_server(relay)] if relay else [])
    path = await expect_media_from_behind(
        network,
        result,
        server=server,
        start_device=start_device,
        viewer=viewer,
        MEETING__PREFERRED_PROTOCOL=preferred,
    )
    assert (path["remoteIp"], path["protocol"]) == (remote, protocol)


async def test_a_stun_server_that_does_not_answer_delays_nothing(
    server: RoomServer, network: Network, start_device: StartDevice, row: Callable[..., Row], viewer: Viewer
) -> None:
    network.block("nothing")
    result = row(receiver="Chromium", codec="h264 + opus", transport="UDP, two dead STUN servers")
    silent = [
        IceServer.model_validate({"urls": [f"stun:{SERVER}:{SILENT_PORT}"]}),
        IceServer.model_validate({"urls": [f"stun:198.51.100.7:{SILENT_PORT}"]}),
    ]
    await server.start(media_address=SERVER, ice_servers=silent)
    await viewer.open(server.url, ROOM)
    device = await start_device(f"http://{SERVER}:{server.port}", namespace=network.device, **SMALL)
    result.seconds = await viewer.first_picture(NAME) - device.started_at
    status = await device.expect(lambda s: s.timing.token_to_first_media is not None)
    result.note = f"({status.timing.token_to_first_media:.2f} from token to first media)"
    # It should cost nothing; the table says what it took. Whoever waits for such a server waits 5 s.
    assert status.timing.token_to_first_media < 4
