from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import TransportFailed
from edgemeet.ortc.parameters import IceCandidate, WebRtcTransportOptions
from edgemeet.rtc import SendTransport, TransportState
from edgemeet.rtc.framing import Deframer, frame
from edgemeet.rtc.ice import UDP_HEAD_START, usable_candidates

if TYPE_CHECKING:
    from tests.rtc.conftest import Peer


@given(st.lists(st.binary(min_size=1, max_size=300)), st.integers(1, 50))
def test_a_stream_is_cut_where_it_was_joined(packets: list[bytes], step: int) -> None:
    stream = b"".join(frame(packet) for packet in packets)
    deframer = Deframer()
    pieces = (stream[at : at + step] for at in range(0, len(stream), step))
    assert [packet for piece in pieces for packet in deframer.feed(piece)] == packets


def test_the_limits_of_a_frame() -> None:
    deframer = Deframer()
    assert deframer.feed(b"\0\0\0\x01a\0") == [b"a"]
    assert deframer.feed(b"") == []
    assert Deframer().feed(frame(bytes(65535))) == [bytes(65535)]
    with pytest.raises(ValueError, match="65535"):
        frame(bytes(65536))


class TcpSide:
    """Gives a peer that only knows UDP a TCP port, as mediasoup has beside its UDP port."""

    def __init__(self, peer_address: tuple[str, int]) -> None:
        self._peer_address = peer_address
        self.connections: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                writer.write(frame(data))

        loop = asyncio.get_running_loop()
        udp, _ = await loop.create_datagram_endpoint(Back, remote_addr=self._peer_address)
        deframer = Deframer()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(2000):
                for packet in deframer.feed(data):
                    udp.sendto(packet)
        udp.close()
        writer.close()


@asynccontextmanager
async def tcp_side(peer: Peer) -> AsyncIterator[tuple[TcpSide, WebRtcTransportOptions]]:
    """The options name the TCP port alone."""
    options = peer.options()
    (known,) = options.ice_candidates
    side = TcpSide((known.host, known.port))
    server = await asyncio.start_server(side.serve, "127.0.0.1", 0)
    try:
        yield side, options.model_copy(update={"ice_candidates": (tcp(server.sockets[0].getsockname()[1]),)})
    finally:
        server.close()
        for writer in side.connections:
            writer.close()
        await asyncio.sleep(0.05)  # their readers end


def tcp(port: int, tcp_type: str = "passive") -> IceCandidate:
    return IceCandidate(
        foundation="tcp", priority=1, ip="127.0.0.1", protocol="tcp", port=port, tcp_type=tcp_type
    )


async def connect(peer: Peer, transport: SendTransport) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))


async def test_a_server_that_only_takes_tcp(peer: Peer) -> None:
    async with tcp_side(peer) as (side, options):
        transport = SendTransport(options, ice_servers=())
        await connect(peer, transport)
        assert transport.state is TransportState.CONNECTED
        assert transport.stats().remote_address == f"127.0.0.1:{options.ice_candidates[0].port}"
        assert len(side.connections) == 1
        await transport.close()


async def test_tcp_comes_after_udp(peer: Peer) -> None:
    """With UDP that works no TCP connection is even tried."""
    async with tcp_side(peer) as (side, options):
        candidates = options.ice_candidates + peer.options().ice_candidates
        transport = SendTransport(options.model_copy(update={"ice_candidates": candidates}), ice_servers=())
        await connect(peer, transport)
        assert transport.stats().remote_address == f"127.0.0.1:{candidates[1].port}"
        await asyncio.sleep(1.2 * UDP_HEAD_START)
        assert side.connections == []
        await transport.close()


async def test_tcp_takes_the_place_of_udp_that_is_blocked(peer: Peer) -> None:
    async with tcp_side(peer) as (_, options):
        blocked = IceCandidate(foundation="udp", priority=2, ip="127.0.0.1", protocol="udp", port=9)
        candidates = (blocked, *options.ice_candidates)
        transport = SendTransport(options.model_copy(update={"ice_candidates": candidates}), ice_servers=())
        await connect(peer, transport)
        assert transport.stats().remote_address == f"127.0.0.1:{candidates[1].port}"
        await transport.close()


async def test_the_end_of_the_connection_is_noticed_at_once(peer: Peer) -> None:
    async with tcp_side(peer) as (side, options):
        transport = SendTransport(options, ice_servers=())
        await connect(peer, transport)
        side.connections[0].transport.abort()
        with pytest.raises(TransportFailed):
            await asyncio.wait_for(transport.wait_failed(), 5)
        await transport.close()


async def test_a_refused_connection_is_told(peer: Peer) -> None:
    options = peer.options().model_copy(update={"ice_candidates": (tcp(9),)})
    transport = SendTransport(options, ice_servers=())
    with pytest.raises(TransportFailed, match=r"127\.0\.0\.1 port 9 \(tcp\)") as caught:
        await transport.connect(timeout=5)
    assert caught.value.code == "transport.ice_failed"


async def test_active_candidates_are_left_out(peer: Peer) -> None:
    options = peer.options().model_copy(update={"ice_candidates": (tcp(9, "active"), tcp(10))})
    assert [candidate.port for candidate in usable_candidates(options)] == [10]
