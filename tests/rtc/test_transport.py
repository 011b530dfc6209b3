from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest
from aiortc.rtp import RtcpReceiverInfo, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket
from pydantic import SecretStr

from edgemeet.encoded import AccessUnit
from edgemeet.errors import TransportFailed
from edgemeet.ortc.parameters import IceCandidate, WebRtcTransportOptions
from edgemeet.rtc import Sender, SendTransport, TransportState
from edgemeet.rtc.ice import local_addresses, turn_servers
from edgemeet.signaling.initconfig import IceServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgemeet.ortc.parameters import RtpParameters
    from tests.rtc.conftest import Peer


def dead(options: WebRtcTransportOptions, *addresses: str, protocol: str = "udp") -> WebRtcTransportOptions:
    """The same server, said to be where nobody answers."""
    candidates = tuple(
        IceCandidate.model_validate(
            {"foundation": "f", "priority": 1, "ip": address, "protocol": protocol, "port": 9}
        )
        for address in addresses
    )
    return options.model_copy(update={"ice_candidates": candidates})


def sockets() -> set[str]:
    links = []
    for name in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the descriptor of the listing itself
            continue
    return {link for link in links if link.startswith("socket:")}


async def test_it_connects_at_once(peer: Peer) -> None:
    transport = SendTransport(peer.options(), ice_servers=())
    assert transport.state is TransportState.NEW
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    assert transport.state is TransportState.CONNECTED
    assert time.monotonic() - began < 5
    stats = transport.stats()
    assert stats.remote_address == f"127.0.0.1:{peer.options().ice_candidates[0].port}"
    assert stats.local_candidate_type == "host"
    await transport.close()


@pytest.mark.parametrize(("theirs", "ours"), [("auto", "client"), ("server", "client"), ("client", "server")])
async def test_the_dtls_role_that_is_told_is_the_one_taken(peer: Peer, theirs: str, ours: str) -> None:
    transport = SendTransport(peer.options(theirs), ice_servers=())
    assert transport.dtls_parameters.role == ours
    assert [f.algorithm for f in transport.dtls_parameters.fingerprints] == ["sha-256"]
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    assert transport.ready
    await transport.close()


async def test_the_handshake_waits_for_the_signaling(peer: Peer) -> None:
    transport = SendTransport(peer.options(), ice_servers=())
    told = asyncio.Event()
    connecting = asyncio.create_task(transport.connect(timeout=10, signaled=told.wait()))
    answering = asyncio.create_task(peer.answer(transport))
    while peer.ice.state != "completed":
        await asyncio.sleep(0.01)
    assert transport.state is TransportState.CHECKING
    told.set()
    await connecting
    await answering
    await transport.close()


async def test_a_dead_address_is_given_up_in_time(peer: Peer) -> None:
    transport = SendTransport(dead(peer.options(), "127.0.0.1"), ice_servers=())
    began = time.monotonic()
    with pytest.raises(TransportFailed, match=r"ICE checks from the media server at 127\.0\.0\.1") as caught:
        await transport.connect(timeout=0.5)
    assert caught.value.code == "transport.timeout"
    assert time.monotonic() - began < 2.5
    with pytest.raises(TransportFailed):
        await transport.wait_failed()


@pytest.mark.parametrize("addresses", [(), ("a.local",)])
async def test_a_server_that_names_no_address_is_told_apart(peer: Peer, addresses: tuple[str, ...]) -> None:
    transport = SendTransport(dead(peer.options(), *addresses), ice_servers=())
    with pytest.raises(TransportFailed, match="no address that can be reached") as caught:
        await transport.connect(timeout=5)
    assert caught.value.code == "transport.ice_failed"


async def test_tcp_and_named_candidates_are_skipped(peer: Peer) -> None:
    options = peer.options()
    others = (
        dead(options, "192.0.2.1", protocol="tcp").ice_candidates + dead(options, "a.local").ice_candidates
    )
    options = options.model_copy(update={"ice_candidates": others + options.ice_candidates})
    transport = SendTransport(options, ice_servers=())
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    await transport.close()


@pytest.mark.parametrize("algorithm", ["sha-1", "sha-224", "sha-256", "sha-384", "sha-512"])
async def test_a_server_may_announce_any_one_digest_of_its_certificate(peer: Peer, algorithm: str) -> None:
    options = peer.options()
    one = tuple(f for f in options.dtls_parameters.fingerprints if f.algorithm == algorithm)
    assert len(one) == 1
    options = options.model_copy(
        update={"dtls_parameters": options.dtls_parameters.model_copy(update={"fingerprints": one})}
    )
    transport = SendTransport(options, ice_servers=())
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    assert transport.ready
    await transport.close()


async def test_a_certificate_that_was_not_announced_is_refused(peer: Peer) -> None:
    options = peer.options()
    wrong = tuple(
        f.model_copy(
            update={"value": "AB" + f.value[2:]} if f.value[:2] != "AB" else {"value": "CD" + f.value[2:]}
        )
        for f in options.dtls_parameters.fingerprints
    )
    options = options.model_copy(
        update={"dtls_parameters": options.dtls_parameters.model_copy(update={"fingerprints": wrong})}
    )
    transport = SendTransport(options, ice_servers=())
    answering = asyncio.create_task(peer.answer(transport))
    with pytest.raises(TransportFailed, match="certificate") as caught:
        await transport.connect(timeout=10)
    assert caught.value.code == "transport.dtls_failed"
    await answering


async def test_a_server_that_never_shakes_hands_is_given_up_in_time(peer: Peer) -> None:
    transport = SendTransport(peer.options(), ice_servers=())
    local = transport._ice._gatherer.getLocalParameters()

    async def only_ice() -> None:
        from aiortc import RTCIceParameters

        await peer.ice.start(RTCIceParameters(local.usernameFragment, local.password))

    answering = asyncio.create_task(only_ice())
    with pytest.raises(TransportFailed, match="DTLS handshake within") as caught:
        await transport.connect(timeout=1)
    assert caught.value.code == "transport.timeout"
    await answering


async def test_a_dead_relay_does_not_delay(peer: Peer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = IceServer(
            urls=(
                f"turn:127.0.0.1:{silent.getsockname()[1]}",
                f"stun:127.0.0.1:{silent.getsockname()[1]}",
                "turn:127.0.0.1:9?transport=tcp",
            ),
            username="u",
            credential=SecretStr("p"),
        )
        transport = SendTransport(peer.options(), ice_servers=[server])
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(peer.answer(transport))
            group.create_task(transport.connect(timeout=10))
        assert time.monotonic() - began < 1
        await transport.close()


def test_relays_are_chosen_and_their_secrets_hidden() -> None:
    server = IceServer(
        urls=(
            "stun:a.test",
            "turn:a.test",
            "turn:a.test?transport=tcp",
            "turns:a.test:443?transport=tcp",
            "x:y",
        ),
        username="user-name",
        credential=SecretStr("pass-word"),
    )
    relays = turn_servers([server, server])
    assert [(r.port, r.transport, r.tls) for r in relays] == [
        (3478, "udp", False),
        (3478, "tcp", False),
        (443, "tcp", True),
    ]
    assert relays[0].password == "pass-word"
    assert "pass-word" not in repr(relays)
    assert "user-name" not in repr(relays)


@pytest.mark.parametrize(("remote", "used"), [("127.0.0.1", True), ("192.0.2.9", False)])
def test_loopback_is_used_where_the_server_is_there(peer: Peer, remote: str, *, used: bool) -> None:
    assert ("127.0.0.1" in local_addresses(dead(peer.options(), remote).ice_candidates)) is used


async def test_the_other_side_going_away_is_noticed(peer: Peer, transport: SendTransport) -> None:
    waiting = asyncio.create_task(transport.wait_failed())
    await peer.dtls.stop()
    with pytest.raises(TransportFailed) as caught:
        async with asyncio.timeout(5):
            await waiting
    assert caught.value.code == "transport.closed"
    assert transport.state is TransportState.FAILED


@pytest.mark.parametrize(
    ("gone", "source", "stranded"),
    [(False, "127.0.0.2", False), (True, "127.0.0.2", True), (True, None, False)],
    ids=["it is there", "another one leads there", "no other one does"],
)
async def test_a_path_whose_address_is_gone_is_stranded(
    transport: SendTransport,
    monkeypatch: pytest.MonkeyPatch,
    *,
    gone: bool,
    source: str | None,
    stranded: bool,
) -> None:
    """The kernel's answers are made up: an address of this machine cannot be taken away in a test."""
    assert not transport.stranded
    asked: list[object] = []
    monkeypatch.setattr("edgemeet.rtc.transport.is_local", lambda address: asked.append(address) or not gone)
    monkeypatch.setattr("edgemeet.rtc.transport.source_address", lambda remote: source)
    assert transport.stranded is stranded
    local = transport.stats().local_address
    assert local is not None
    assert asked == [local.rpartition(":")[0]]
    await transport.close()
    assert not transport.stranded


async def test_a_lost_path_is_noticed(transport: SendTransport) -> None:
    await transport._ice._gatherer._connection.close()  # what aioice does when consent expires
    with pytest.raises(TransportFailed, match="path"):
        async with asyncio.timeout(5):
            await transport.wait_failed()


async def test_closing_leaves_nothing_and_ends_the_wait(peer: Peer) -> None:
    tasks, open_before = asyncio.all_tasks(), sockets()
    transport = SendTransport(peer.options(), ice_servers=())
    async with asyncio.TaskGroup() as group:
        answering = group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    waiting = asyncio.create_task(transport.wait_failed())
    await asyncio.sleep(0)
    await transport.close()
    await transport.close()
    await waiting
    assert answering.done()
    assert transport.state is TransportState.CLOSED
    await peer.close()
    assert asyncio.all_tasks() == tasks
    assert sockets() < open_before  # the peer's are gone, too


async def test_closing_without_connecting(peer: Peer) -> None:
    transport = SendTransport(peer.options(), ice_servers=())
    await transport.close()
    await transport.wait_failed()


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05])
async def test_cancelling_a_connect_leaves_nothing(peer: Peer, after: float) -> None:
    tasks, open_before = asyncio.all_tasks(), sockets()
    transport = SendTransport(dead(peer.options(), "127.0.0.1"), ice_servers=())
    connecting = asyncio.create_task(transport.connect())
    await asyncio.sleep(after)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await transport.close()
    assert asyncio.all_tasks() == tasks
    assert sockets() == open_before


async def test_a_close_that_hangs_is_cut_off(
    peer: Peer, transport: SendTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_before = sockets()

    async def hang() -> None:
        await asyncio.sleep(3600)

    for protocol in transport._ice._gatherer._connection._protocols:
        monkeypatch.setattr(protocol, "close", hang)
    began = time.monotonic()
    await transport.close()
    assert time.monotonic() - began < 2
    assert sockets() < open_before


async def test_reports_tell_the_time_and_the_name(
    peer: Peer, transport: SendTransport, parameters: Callable[..., RtpParameters]
) -> None:
    made = parameters(None)
    sender = Sender(transport, made, "audio", request_keyframe=lambda _: None, set_bitrate=lambda *_: None)
    captured = time.monotonic()
    sender.send(AccessUnit(0, captured, True, b"opus", audio_level=20))
    await peer.until(lambda: any(isinstance(r, RtcpSdesPacket) for r in peer.reports))
    report = next(r for r in peer.reports if isinstance(r, RtcpSrPacket))
    age = ((report.sender_info.rtp_timestamp - peer.packets[0].timestamp) & 0xFFFFFFFF) / 48_000
    moment = report.sender_info.ntp_timestamp / 2**32 - 2_208_988_800 - age
    assert moment == pytest.approx(time.time() - (time.monotonic() - captured), abs=0.05)
    names = next(r for r in peer.reports if isinstance(r, RtcpSdesPacket))
    assert names.chunks[0].items == [(1, b"device")]
    assert peer.packets[0].extensions.mid == "audio"
    assert peer.packets[0].extensions.audio_level == (True, 20)
    await sender.stop()


async def test_a_failed_send_is_counted_and_logged_once(
    peer: Peer,
    transport: SendTransport,
    parameters: Callable[..., RtpParameters],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sender = Sender(
        transport, parameters(None), "audio", request_keyframe=lambda _: None, set_bitrate=lambda *_: None
    )
    real = transport._dtls.send_packet

    def fail(packet: bytes) -> None:
        raise OSError("no buffer space")

    monkeypatch.setattr(transport._dtls, "send_packet", fail)
    with caplog.at_level(logging.WARNING):
        for n in range(3):
            sender.send(AccessUnit(0, n * 0.02, True, b"opus"))
        async with asyncio.timeout(5):
            while transport.stats().packets_dropped < 3:
                await asyncio.sleep(0.01)
    monkeypatch.setattr(transport._dtls, "send_packet", real)
    sender.send(AccessUnit(0, 1.0, True, b"later"))
    await peer.until(lambda: any(p.payload == b"later" for p in peer.packets))
    assert len(caplog.records) == 1


async def test_what_strangers_send_to_its_socket_ends_nothing(
    peer: Peer, transport: SendTransport, parameters: Callable[..., RtpParameters]
) -> None:
    """Whoever guesses the port can: aioice does not look where a packet comes from."""
    local, port = str(transport.stats().local_address).rsplit(":", 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for packet in (
            b"",
            b"\x80",
            b"\x80\xc8",
            b"\x80\xc9" + bytes(3000),
            b"\x80\x60" + bytes(3000),
            b"\xff",
        ):
            stranger.sendto(packet, (local, int(port)))
    sender = Sender(
        transport, parameters(None), "audio", request_keyframe=lambda _: None, set_bitrate=lambda *_: None
    )
    for n in range(5):
        sender.send(AccessUnit(0, n * 0.02, True, b"opus"))
        await asyncio.sleep(0.02)
    await peer.until(lambda: len(peer.packets) >= 5)
    before = transport.stats().packets_received
    ssrc = peer.packets[0].ssrc
    report = RtcpReceiverInfo(ssrc, 0, 0, peer.packets[-1].sequence_number, 0, 0, 0)
    await peer.feed_back(RtcpRrPacket(ssrc=1, reports=[report]))
    async with asyncio.timeout(10):
        while transport.stats().packets_received == before:
            await asyncio.sleep(0.01)
    assert transport.state is TransportState.CONNECTED
    assert transport.stats().malformed == 0
    await sender.stop()
