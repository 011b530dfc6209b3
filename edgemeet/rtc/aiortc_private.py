"""All private names of aiortc and aioice that are used, in one place.

aiortc is pinned to one minor version in pyproject.toml; `tests/rtc/test_aiortc_private.py` checks that
every name below exists with the shape relied on. Nothing else in edgemeet touches them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pylibsrtp
from cryptography.hazmat.primitives import hashes

from edgemeet.ortc.parameters import DtlsRole
from edgemeet.rtc.aiortc_parts import (
    X509_DIGEST_ALGORITHMS,
    Candidate,
    RTCCertificate,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceTransport,
    State,
    aioice_ice,
    aioice_stun,
    candidate_foundation,
    candidate_priority,
    is_rtcp,
)
from edgemeet.rtc.datagrams import Datagrams
from edgemeet.rtc.ice_tcp import FramedSocket
from edgemeet.rtc.protector import Protector

# aiortc checks a certificate by SHA-256, 384 and 512. Some servers announce another digest alone (RFC 8122):
# mediasoup-client's SDP classes write the last of mediasoup's five, in whatever order these come.
X509_DIGEST_ALGORITHMS.setdefault("sha-224", hashes.SHA224())
X509_DIGEST_ALGORITHMS.setdefault("sha-1", hashes.SHA1())  # noqa: S303 - of a certificate that lives for days


class SrtpTransport(RTCDtlsTransport):
    """aiortc's DTLS transport; RTP and RTCP go past its queues and tasks, received RTCP to one handler.

    aiortc's own routing ends the whole transport when a handler or its parser raises, and does not find
    the stream that a full intra request names. Received RTP is dropped: this side only sends.
    """

    def __init__(
        self, ice: RTCIceTransport, certificate: RTCCertificate, on_rtcp: Callable[[bytes], None]
    ) -> None:
        super().__init__(ice, [certificate])
        self._on_rtcp = on_rtcp
        self._connection = ice._connection
        self._pair: aioice_ice.CandidatePair | None = None  # that `_datagrams` goes between
        self._datagrams: Datagrams | None = None
        self._protector: Protector | None = None
        self._queue = self._connection.data_received
        self._connection.data_received = self._receive  # type: ignore[method-assign]  # that is the purpose

    def _receive(self, data: bytes, component: int) -> None:
        """What came that is not STUN. RTCP is handled at once: a queue and a task cost more than it does."""
        if not data:
            return  # in aiortc an IndexError, which would end the transport
        if not 127 < data[0] < 192:
            self._queue(data, component)
        elif self._state is State.CONNECTED and is_rtcp(data):
            try:
                rtcp = self._rx_srtp.unprotect_rtcp(data)
            except (pylibsrtp.Error, ValueError):
                return  # not of this session, or longer than any packet
            self._on_rtcp(rtcp)

    def take_role(self, role: DtlsRole) -> None:
        """Fix the role before `start`; aiortc would derive it from the ICE role."""
        self._set_role(role)

    def send_packet(self, packet: bytes) -> None:
        """Protect and send one RTP or RTCP packet, at once.

        What aiortc's and aioice's four coroutines for it come to: none of them ever waits, on any path, and
        together they take half as long as the encryption.

        Raises:
            ConnectionError: not connected.
            OSError: the kernel refuses it.
            pylibsrtp.Error: the packet cannot be protected.
        """
        pair = self._connection._nominated.get(1)
        if self._state is not State.CONNECTED or pair is None:
            raise ConnectionError("packets can be sent only while connected")
        if pair is not self._pair or self._datagrams is None or self._protector is None:
            self._go_between(pair)
            assert self._datagrams is not None
            assert self._protector is not None
        self._datagrams.send(self._protector.protect(packet))

    def _go_between(self, pair: aioice_ice.CandidatePair) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        self._pair = pair
        self._datagrams = Datagrams(pair.protocol.transport, pair.remote_addr)
        self._protector = self._protector or Protector(self._tx_srtp)

    @property
    def backlog(self) -> int:
        """Bytes that the kernel did not take yet; 0 before the first packet, and for a relayed path."""
        return self._datagrams.backlog if self._datagrams is not None else 0

    async def stop_receiving(self) -> None:
        """As `stop`, but the receiving task is gone afterwards and not merely cancelled."""
        task = self._task
        if self._datagrams is not None:
            self._datagrams.close()
        await self.stop()
        if task is not None:
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # aiortc has logged it; retrieving keeps asyncio silent


def make_controlling(gatherer: RTCIceGatherer) -> None:
    """Take the controlling role, which the client of an ICE-lite server must have."""
    gatherer._connection.ice_controlling = True


def keep_consent(gatherer: RTCIceGatherer, *, interval: float = 5.0, expiry: float = 30.0) -> None:
    """Give up the path only after `expiry` seconds without any answer (RFC 7675), however late answers come.

    aioice counts an answer that takes more than half a second as none, and would leave a congested uplink
    over which media still flows. Call it before the checks begin.

    Args:
        gatherer: the path's.
        interval: seconds between questions, more or less.
        expiry: seconds.
    """
    connection = gatherer._connection

    async def query_consent() -> None:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(heard + expiry):
                    await asyncio.sleep(interval * random.uniform(0.8, 1.2))
                    await _ask_consent(connection)
            except aioice_stun.TransactionError:
                continue
            except TimeoutError:
                break
            heard = loop.time()
        connection._query_consent_task = None  # it is this one, which close() must not cancel
        await connection.close()

    connection.query_consent = query_consent  # type: ignore[method-assign]  # that is the purpose


async def answers(gatherer: RTCIceGatherer, timeout: float) -> bool:
    """Whether the other end of the chosen path answers a question within `timeout` seconds. Ends nothing."""
    connection = gatherer._connection
    if not connection._nominated:
        return False
    try:
        async with asyncio.timeout(timeout):
            await _ask_consent(connection)
    except (TimeoutError, aioice_stun.TransactionError, OSError):
        return False
    return True


async def _ask_consent(connection: aioice_ice.Connection) -> None:
    """One question, sent four times within 7.5 s.

    Raises:
        aioice.stun.TransactionError: no answer.
    """
    assert connection.remote_password is not None
    pair = connection._nominated[1]
    await pair.protocol.request(
        connection.build_request(pair, nominate=False),
        pair.remote_addr,
        integrity_key=connection.remote_password.encode(),
        retransmissions=3,
    )


def host_addresses() -> list[str]:
    """All addresses of this machine, loopback excluded."""
    return aioice_ice.get_host_addresses(use_ipv4=True, use_ipv6=True)


async def add_host_candidates(gatherer: RTCIceGatherer, addresses: Sequence[str]) -> None:
    """Open a socket on each address; those that cannot be bound are left out."""
    connection = gatherer._connection
    connection._local_candidates_start = True
    # One by one: when it is cancelled among several, aioice forgets the sockets that it has opened.
    for address in addresses:
        connection._local_candidates += await connection.get_component_candidates(1, [address])
    connection._local_candidates_end = True


@dataclass(frozen=True, slots=True)
class TurnServer:
    """Where to get a relayed address."""

    host: str
    port: int
    transport: str  # "udp" or "tcp"
    tls: bool
    username: str | None = field(repr=False)
    password: str | None = field(repr=False)


async def add_relayed_candidate(gatherer: RTCIceGatherer, server: TurnServer) -> None:
    """Allocate a relayed address and check it against the remote candidates known so far.

    Raises:
        OSError, aioice.stun.TransactionError: the server did not give one.
    """
    connection = gatherer._connection
    candidate, protocol = await aioice_ice.relayed_candidate(
        component=1,
        hide_related_address=False,
        protocol_factory=lambda: aioice_ice.StunProtocol(connection),
        turn_server=(server.host, server.port),
        turn_username=server.username,
        turn_password=server.password,
        turn_ssl=server.tls,
        turn_transport=server.transport,
    )
    connection._protocols.append(protocol)
    connection._local_candidates.append(candidate)
    for remote in connection._remote_candidates:
        connection._pair_remote_candidate(remote)
    connection.sort_check_list()


class _ActiveCandidate(Candidate):
    """Our end of a TCP connection: it reaches the candidate it is connected to and no other."""

    reaches: tuple[str, int]

    def can_pair_with(self, other: Candidate) -> bool:
        """As aioice's candidate, and the same address."""
        return super().can_pair_with(other) and (other.host, other.port) == self.reaches


async def add_tcp_candidate(gatherer: RTCIceGatherer, remote: tuple[str, int]) -> None:
    """Connect to a TCP candidate of the server and check it; it must be a remote candidate already.

    Raises:
        OSError: no connection.
    """
    connection = gatherer._connection
    protocol = aioice_ice.StunProtocol(connection)
    _, framed = await asyncio.get_running_loop().create_connection(
        lambda: FramedSocket(protocol, remote), *remote
    )
    host, port = framed.get_extra_info("sockname")[:2]
    protocol.local_candidate = _ActiveCandidate(
        foundation=candidate_foundation("host", "tcp", host),
        component=1,
        transport="tcp",
        # Below every candidate of UDP, as a last resort.
        priority=candidate_priority(1, "relay", 0),
        host=host,
        port=port,
        type="host",
        tcptype="active",
    )
    protocol.local_candidate.reaches = remote
    connection._protocols.append(protocol)
    connection._local_candidates.append(protocol.local_candidate)
    for candidate in connection._remote_candidates:
        connection._pair_remote_candidate(candidate)
    connection.sort_check_list()


@dataclass(frozen=True, slots=True)
class SelectedPair:
    """The two addresses that media flows between."""

    local: tuple[str, int]
    local_type: str  # "host" or "relay"
    remote: tuple[str, int]
    transport: str  # "udp" or "tcp"


def selected_pair(ice: RTCIceTransport) -> SelectedPair | None:
    """The nominated pair; None while there is none."""
    pair = ice._connection._nominated.get(1)
    if pair is None:
        return None
    return SelectedPair(
        local=pair.local_addr,
        local_type=pair.local_candidate.type,
        remote=pair.remote_addr,
        transport=pair.local_candidate.transport,
    )


async def abort(ice: RTCIceTransport) -> None:
    """Close all sockets at once, unsent data and TURN allocations left behind."""
    connection = ice._connection
    for protocol in list(connection._protocols):
        cut_off = getattr(protocol.transport, "abort", None)
        if cut_off is not None:
            cut_off()
            continue
        # A relayed path has no such method. Its closing task must have begun for its `finally`, which
        # closes the socket, to be run.
        protocol.transport.close()
        await asyncio.sleep(0)
        task: asyncio.Task[None] | None = getattr(protocol.transport, "_TurnTransport__close_task", None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
    monitor: asyncio.Future[None] | None = getattr(ice, "_RTCIceTransport__monitor_task", None)
    if monitor is not None and not monitor.done():
        monitor.cancel()
        await asyncio.wait({monitor})
    # The sockets' connection_lost callbacks run in the next iteration of the loop.
    await asyncio.sleep(0)
