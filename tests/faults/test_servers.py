"""What servers do: refuse, break, forget, evict, talk nonsense."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rig.device import Device
from rig.front import PORTAL, Answer, Front, certificate, http, in_seconds, slow_loris
from rig.network import Network
from rig.protocols import NATIVE, WHIP, Protocol, both_protocols
from rig.server import DEVICE, ROOM, RoomServer
from rigging.waiting import eventually

from edgemeet.control import Command
from edgemeet.sandbox import SandboxOptions
from edgemeet.sandbox.refusal import LeaveReason
from edgemeet.sandbox.tokens import TokenIssuer
from edgemeet.signaling.initconfig import IceServer
from edgemeet.supervisor import DEFAULT_LIMITS

StartDevice = Callable[..., Awaitable[Device]]
StartFront = Callable[..., Awaitable[Front]]
Recovered = Callable[[int, float], None]

INIT = "/infra/"
OFFER = "/v2/whip"
TOKEN = "/get-token"
# What is asked for to get in.
ENTRY = {NATIVE: INIT, WHIP: OFFER}
# Seconds to be back once the world is well, while pauses between attempts are still short.
SOON = 60.0


async def joined(server: RoomServer, start_device: StartDevice, **options: object) -> Device:
    device = await start_device(server, **options)
    await server.expect_media()
    return device


def of_device(server: RoomServer) -> float:
    return server.device().connected_at


@pytest.mark.parametrize(
    ("row", "fault", "codes"),
    [
        pytest.param(5, PORTAL, ("server.not_json", "whip.not_sdp"), id="captive portal"),
        pytest.param(13, slow_loris, ("network.timeout",), id="slow loris"),
        pytest.param(14, http(503), ("server.error",), id="503"),
        pytest.param(14, http(500, b"oops", "text/plain"), ("server.error",), id="500"),
    ],
)
@pytest.mark.parametrize(
    ("protocol", "path"),
    [
        pytest.param(NATIVE, TOKEN, id="token"),
        pytest.param(NATIVE, INIT, id="API"),
        pytest.param(WHIP, OFFER, id="WHIP"),
    ],
    indirect=["protocol"],
)
async def test_a_wrong_answer_and_its_end(
    row: int,
    fault: Answer,
    codes: tuple[str, ...],
    path: str,
    server: RoomServer,
    start_front: StartFront,
    start_device: StartDevice,
    recovered: Recovered,
) -> None:
    """Of the token server or of VideoSDK's API, first, and in the place of a rejoin's."""
    front = await start_front(server)
    front.faults[path] = fault
    device = await start_device(server, url=front.url, token_url=f"{front.url}{TOKEN}")
    status = await device.expect_problem(*codes)
    assert not any(h.code.startswith("auth.") for h in status.health)
    front.faults.clear()
    recovered(row, await server.arrivals.back(time.monotonic(), within=SOON))
    await device.expect_well()


@pytest.mark.parametrize("told", ["seconds", "date"])
@both_protocols
async def test_retry_after_is_honoured(
    told: str, protocol: Protocol, server: RoomServer, start_front: StartFront, start_device: StartDevice
) -> None:
    entry = ENTRY[protocol]
    front = await start_front(server)

    async def busy(writer: asyncio.StreamWriter) -> None:
        after = "12" if told == "seconds" else in_seconds(13)  # dates have whole seconds
        await http(429, retry_after=after)(writer)

    front.faults[entry] = busy
    device = await start_device(server, url=front.url)
    await device.expect_problem("server.rate_limited")
    (first,) = front.times(entry)
    front.faults.clear()
    await server.expect_media(within=60)
    second = front.times(entry)[1]
    assert second - first >= 11.5
    await device.expect_well()


@pytest.mark.parametrize(
    "urls",
    [
        pytest.param(["turn:127.0.0.1:9?transport=udp"], id="refuses UDP"),
        pytest.param(["turn:127.0.0.1:9?transport=tcp"], id="refuses TCP"),
        pytest.param(
            ["turn:198.51.100.7:3478?transport=udp", "turn:198.51.100.7:3478?transport=tcp"], id="far"
        ),
    ],
)
@both_protocols
async def test_turn_servers_that_are_of_no_use(
    urls: list[str], start_device: StartDevice, recovered: Recovered
) -> None:
    turn = IceServer.model_validate({"urls": urls, "username": "u", "credential": "c"})
    server = RoomServer(options=SandboxOptions(ice_servers=(turn,)))
    await server.start()
    try:
        device = await joined(server, start_device)
        recovered(7, server.arrivals.first - device.started)
        await device.expect_well()
    finally:
        await device.stop()
        await server.close()


@both_protocols
async def test_an_unknown_authority(
    server: RoomServer, start_front: StartFront, start_device: StartDevice, tmp_path: Path
) -> None:
    """Of the API's: the token comes from elsewhere."""
    file, context = certificate(tmp_path, "IP:127.0.0.1")
    front = await start_front(server, tls=context)
    token_url = f"{server.url}{TOKEN}"
    device = await start_device(server, url=front.url, token_url=token_url)
    status = await device.expect_problem("network.tls_untrusted")
    assert any("ca_file" in (h.hint or "") for h in status.health)
    await device.expect(lambda s: s.attempts >= 3)
    assert status.attempts < 10
    known = await start_device(
        server, url=front.url, participant="back-door", PROVISIONING__CA_FILE=str(file)
    )
    await known.expect_well()


@both_protocols
async def test_a_token_that_expires_in_the_meeting(network: Network, start_device: StartDevice) -> None:
    """In a network of its own: addresses of other tests' come and go, which media does notice."""
    server = RoomServer(network.server, options=SandboxOptions(token_ttl=6))
    await server.start()
    try:
        device = await joined(server, start_device, namespace=network.device)
        status = await device.expect(lambda s: s.token is not None and s.token.expires_at is not None)
        first = status.token.expires_at if status.token else None
        server.arrivals.forget_gaps()
        await asyncio.sleep(9)
        assert server.arrivals.longest_gap() < 3
        status = await device.expect_well()
        assert status.joins == 1
        server.end_session()
        await device.expect(lambda s: s.joins == 2 and s.token is not None and s.token.expires_at != first)
        await server.expect_media()
    finally:
        await device.stop()
        await server.close()


@both_protocols
async def test_a_revoked_token(server: RoomServer, start_device: StartDevice, recovered: Recovered) -> None:
    """The key it was signed with is taken back in the call; later the token server signs with a good one."""
    device = await joined(server, start_device)
    sessions = server.running.sessions
    good = sessions._issuer
    sessions._issuer = TokenIssuer("another", "x" * 64, ttl=60)
    server.end_session()
    await device.expect_problem("auth.")
    sessions._issuer = good
    recovered(17, await server.arrivals.back(time.monotonic(), within=SOON))
    await device.expect_well()


def kill_sockets(server: RoomServer) -> None:
    assert server.running.kill_sockets() > 0


@both_protocols
async def test_a_room_that_is_gone(server: RoomServer, start_device: StartDevice) -> None:
    device = await joined(server, start_device)
    rooms = server.running.rooms._rooms
    room = rooms.pop(ROOM)
    room.close(LeaveReason.DISCONNECTED)
    status = await device.expect_problem("meeting.")
    assert status.state == "waiting"
    rooms[ROOM] = room
    await device.tell(Command.REJOIN)
    await server.expect_media()


async def test_removed_by_the_host(server: RoomServer, start_device: StartDevice) -> None:
    device = await joined(server, start_device)
    server.running.remove_peer(ROOM, DEVICE)
    status = await device.expect_problem("evicted.removed_by_api")
    assert status.state == "held"
    await asyncio.sleep(4)
    assert server.peer() is None
    await device.tell(Command.REJOIN)
    await server.expect_media()


async def test_the_same_participant_elsewhere(server: RoomServer, start_device: StartDevice) -> None:
    first = await joined(server, start_device)
    second = await start_device(server)
    await second.expect(lambda s: s.state == "joined")
    status = await first.expect_problem("evicted.duplicate")
    assert status.state == "waiting"
    assert (status.next_join_in or 0) > 300
    await asyncio.sleep(4)
    status = await second.expect_well()
    assert (status.joins, status.attempts) == (1, 1), "nobody fights for the place"


@both_protocols
async def test_a_full_room(server: RoomServer, start_device: StartDevice) -> None:
    server.running.sessions._max_peers = 0
    device = await start_device(server)
    status = await device.expect_problem("meeting.full")
    assert status.state == "waiting"
    assert (status.next_join_in or 0) > 10
    server.running.sessions._max_peers = 50
    await device.tell(Command.REJOIN)
    await server.expect_media()


@both_protocols
async def test_a_media_server_that_dies(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """All of its sockets are gone, for signaling too, and it is back after five seconds."""
    device = await joined(server, start_device)
    await server.stop()
    await asyncio.sleep(5)
    await server.start()
    recovered(23, await server.arrivals.back(time.monotonic(), within=SOON))
    await device.expect_well()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("outage", [20, 30])
@both_protocols
async def test_a_media_server_that_is_away_for_long(
    outage: int, server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """Longer than the first pauses between two attempts last: its return is noticed by probes."""
    device = await joined(server, start_device)
    await server.stop()
    await asyncio.sleep(outage)
    # Left alone, it would be away for longer.
    await device.expect(lambda s: s.state == "waiting" and (s.next_join_in or 0) > 2)
    await server.start()
    recovered(23, await server.arrivals.back(time.monotonic(), within=SOON))
    assert "takes connections again" in device.log
    await device.expect_well()


@pytest.mark.timeout(240)
async def test_a_front_whose_server_is_away(
    server: RoomServer, start_front: StartFront, start_device: StartDevice
) -> None:
    """It takes connections and answers 503: no matter for probes, and asked after ever more seldom."""
    front = await start_front(server)
    device = await start_device(server, url=front.url, token_url=f"{server.url}{TOKEN}")
    await server.expect_media()
    for path in ("/?", INIT):
        front.faults[path] = http(503)
    kill_sockets(server)
    began = time.monotonic()
    await asyncio.sleep(25)
    asked = [at - began for at in front.times(INIT) if at > began]
    assert 3 <= len(asked) <= 9, asked
    assert "takes connections again" not in device.log
    front.faults.clear()
    await server.expect_media(within=SOON)
    await device.expect_well()


async def test_another_room_is_named(server: RoomServer, start_device: StartDevice) -> None:
    """A participant is not moved by a word: what VideoSDK wants of it then is unproven."""
    device = await joined(server, start_device)
    server.arrivals.forget_gaps()
    server.device().socket.notify(
        "entryResponded",
        {"id": DEVICE, "decision": "allowed", "sessionId": "x", "switchingRoomId": "wxyz-wxyz-wxyz"},
    )
    await asyncio.sleep(4)
    assert server.arrivals.longest_gap() < 2
    assert (await device.expect_well()).joins == 1


async def test_signaling_is_lost(server: RoomServer, start_device: StartDevice, recovered: Recovered) -> None:
    """The server keeps media for a while. What a viewer misses is what is between the old producer's last
    packet and the new one's first keyframe.
    """
    server.running.lingering.seconds = 30.0
    device = await joined(server, start_device)
    ghost = server.device()
    old = next(p.id for p in ghost.producers.values() if p.kind == "video")
    server.arrivals.forget_gaps()
    kill_sockets(server)

    async def seen_again() -> bool:
        peer = server.peer()
        producers = peer.producers.values() if peer is not None and peer is not ghost else ()
        return any(p.kind == "video" and p.encodings[0].keyframes for p in producers)

    await eventually(seen_again, within=SOON, what="pictures", told=server.devices_log, every=0.01)
    picture = time.monotonic() - server.arrivals.last_of[old]
    await server.expect_media()
    assert ghost.gone, "evicted by the next join, and not by its own time"
    assert "media goes on while signaling is made anew" in device.log
    gap = max(picture, server.arrivals.longest_gap(), server.arrivals.longest_gap("audio"))
    recovered(25, gap)
    assert gap < 10
    assert (await device.expect_well()).joins == 2


async def test_signaling_is_lost_and_media_with_it(server: RoomServer, start_device: StartDevice) -> None:
    device = await joined(server, start_device)
    server.arrivals.forget_gaps()
    before = of_device(server)
    kill_sockets(server)

    async def returned() -> bool:
        peer = server.peer()
        return peer is not None and peer.connected_at > before and len(peer.producers) == 2

    await eventually(returned, within=SOON, what="the device back in the room", told=server.devices_log)
    await server.expect_media()
    assert server.arrivals.longest_gap() < 20
    await device.expect_well()


@both_protocols
async def test_kicked_for_ever(server: RoomServer, start_device: StartDevice) -> None:
    """Let in and thrown out at once, again and again, for half a minute."""
    device = await joined(server, start_device)
    began = time.monotonic()
    joins: list[float] = []
    while time.monotonic() - began < 30:
        if (peer := server.peer()) is not None and peer.joined:
            joins.append(peer.connected_at)
            server.room().leave(peer, LeaveReason.DISCONNECTED)
        await asyncio.sleep(0.05)
    pauses = [later - earlier for earlier, later in itertools.pairwise(joins)]
    assert 3 <= len(joins) <= 9, pauses
    # Attempts begin a second apart; the server sees their websockets, which come when the token has.
    assert min(pauses) >= 0.5, "at most one join a second"
    assert max(pauses) > 2 * min(pauses), "it backs off"
    assert device.process is not None
    assert device.process.returncode is None


def notification(method: str, **data: object) -> str:
    return json.dumps({"notification": True, "method": method, "data": data})


IGNORED = [
    json.dumps({"response": True, "id": 424242, "ok": True, "data": {}}),  # nobody asked
    json.dumps({"request": True, "id": 5, "method": "x" * 100, "data": {}}),
    json.dumps({"notification": True, "method": "newPeer", "data": [1]}),
    notification("producerScore", score="high"),
    notification("entryResponded", decision="allowed"),  # out of order
    notification("peerClosed", peerId="nobody"),
    notification("somethingNew", blob="x" * 900_000),
    notification("error", code="many", message=7),
]


async def test_nonsense_that_is_ignored(server: RoomServer, start_device: StartDevice) -> None:
    device = await joined(server, start_device)
    server.arrivals.forget_gaps()
    for frame in IGNORED:
        server.device().socket._queue.put_nowait(frame)
        await asyncio.sleep(0.3)
    await server.expect_media()
    assert server.arrivals.longest_gap() < 3
    assert (await device.expect_well()).joins == 1
    assert "Traceback" not in device.log


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("[1, 2", id="half JSON"),
        pytest.param("x" * 1_200_000, id="more than a megabyte"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param(json.dumps({"request": True, "id": 6, "method": "close"}), id="close without a reason"),
    ],
)
async def test_nonsense_that_ends_the_session(
    frame: str, server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """The process lives, and begins another session by itself: at once, in a meeting that was well."""
    device = await joined(server, start_device)
    began = server.device().connected_at
    await asyncio.sleep(DEFAULT_LIMITS.sound_meeting + 1)
    server.device().socket._queue.put_nowait(frame)

    async def ended() -> bool:
        peer = server.peer()
        return peer is None or peer.connected_at > began

    await eventually(ended, within=SOON, what="the end of the session", told=server.devices_log)
    recovered(27, await server.arrivals.back(time.monotonic(), within=90))
    assert (await device.expect_well()).joins == 2
    assert "Traceback" not in device.log


def answered(body: str, kind: str = "application/sdp") -> Answer:
    return http(201, body.encode(), kind, location="/v2/whip/sessions/x")


BAD_ANSWERS = [
    (http(405), "whip.method_not_allowed"),
    (http(422, b'{"message": "no such codec"}'), "whip.refused"),
    (http(302, location="/elsewhere"), "whip.redirected"),
    (http(201, b"v=0", "application/sdp"), "whip.no_location"),
    (answered("{}", "application/json"), "whip.not_sdp"),
    (answered("v=0\r\n" + "m=audio" * 10_000), "protocol.sdp"),
    (answered("v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"), "protocol.sdp"),
    (answered("\x00" * 1000), "protocol.sdp"),
]


@pytest.mark.parametrize("protocol", [WHIP], indirect=True)
async def test_answers_that_make_no_sense(
    server: RoomServer, start_front: StartFront, start_device: StartDevice
) -> None:
    """Each is told by its own code; the process lives, and a good answer is taken."""
    front = await start_front(server)
    front.faults[OFFER], first = BAD_ANSWERS[0]
    device = await start_device(server, url=front.url)
    await device.expect_problem(first)
    for fault, code in BAD_ANSWERS[1:]:
        front.faults[OFFER] = fault
        await device.tell(Command.REJOIN)
        await device.expect_problem(code)
    front.faults.clear()
    await device.tell(Command.REJOIN)
    await server.expect_media()
    await device.expect_well()
    assert "Traceback" not in device.log


@both_protocols
async def test_media_is_dead_and_signaling_is_well(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """The server's end of the path is gone without a word; another one works."""
    device = await joined(server, start_device)
    for transport in server.device().transports.values():
        ice = transport._ice
        ice._on_media = lambda data: None
        ice._is_open = lambda: False
    broken = time.monotonic()
    await asyncio.sleep(0.2)  # a packet that was read before may still be counted
    after = time.monotonic()
    recovered(28, after - broken + await server.arrivals.back(after, within=45))
    await device.expect_well()
