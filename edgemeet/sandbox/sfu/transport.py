"""One WebRtcTransport: ICE-lite, DTLS-SRTP, and who gets which packet."""

from __future__ import annotations

import asyncio
import logging
import random
import struct
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, SupportsBytes

from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint
from aiortc.rtp import AnyRtcpPacket, RtcpPacket

from edgemeet.ortc.parameters import DtlsFingerprint, DtlsParameters, WebRtcTransportOptions
from edgemeet.sandbox.sfu.aiortc_private import SCTP_MAX_MESSAGE_SIZE, SCTP_PORT, Dtls
from edgemeet.sandbox.sfu.ice import IceLite
from edgemeet.sandbox.sfu.packet import RtpView, parse

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 60.0  # seconds for ICE and DTLS; a client that has not come by then will not

# mediasoup's defaults.
_SCTP_PARAMETERS: Final = {
    "port": SCTP_PORT,
    "OS": 1024,
    "MIS": 1024,
    "maxMessageSize": SCTP_MAX_MESSAGE_SIZE,
}


@dataclass(slots=True)
class Faults:
    """What a test wants to go wrong on the way of the media.

    Attributes:
        dark_until: monotonic seconds until which every datagram is lost.
        drop_inbound: share of RTP packets from producers that are lost, 0 to 1.
        drop_outbound: share of RTP packets to consumers that are lost, 0 to 1.
    """

    dark_until: float = 0.0
    drop_inbound: float = 0.0
    drop_outbound: float = 0.0
    random: random.Random = field(default_factory=random.Random)


class PacketSink(Protocol):
    """Takes what arrives on a transport."""

    def handle_rtp(self, transport: MediaTransport, packet: RtpView, now: float) -> None:
        """A packet of a producer."""

    def handle_rtcp(self, transport: MediaTransport, packet: AnyRtcpPacket, now: float) -> None:
        """A report or a feedback."""


class MediaTransport:
    """The path to one client, in both directions.

    Args:
        producing: the client sends media here; else it receives.
        data: the client may open data channels.
        sink: gets what arrives.
    """

    def __init__(
        self,
        *,
        certificate: RTCCertificate,
        producing: bool,
        data: bool = False,
        sink: PacketSink,
        faults: Faults,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.producing = producing
        self._sink = sink
        self._faults = faults
        self._clock = clock
        self._ice = IceLite(on_media=self._receive, is_open=lambda: clock() >= faults.dark_until)
        self._dtls = Dtls(self._ice, certificate, data=data)
        self._data = data
        self._fingerprints = certificate.getFingerprints()
        self._connecting: asyncio.Task[None] | None = None
        self.bytes_received = 0
        self.bytes_sent = 0
        self.round_trip: float | None = None
        self.available_bitrate: int | None = None

    @property
    def connected(self) -> bool:
        """True once media can be exchanged."""
        return self._dtls.connected

    @property
    def state(self) -> str:
        """The DTLS state: new, connecting, connected, closed or failed."""
        return self._dtls.state

    @property
    def datagrams_received(self) -> int:
        """Whatever came, connectivity checks among it: a client that lives sends some."""
        return self._ice.received

    async def open(self, hosts: Sequence[str], announced: Sequence[str]) -> WebRtcTransportOptions:
        """Bind the sockets; returns what the client must know."""
        await self._ice.open(hosts, announced)
        return WebRtcTransportOptions(
            id=self.id,
            ice_parameters=self._ice.parameters,
            ice_candidates=self._ice.candidates,
            dtls_parameters=DtlsParameters(
                fingerprints=tuple(
                    DtlsFingerprint(algorithm=each.algorithm, value=each.value) for each in self._fingerprints
                )
            ),
            sctp_parameters=dict(_SCTP_PARAMETERS) if self._data else None,
        )

    def connect(self, remote: DtlsParameters) -> None:
        """Begin the handshake; a second call changes nothing.

        A client that leaves the role open gets us as DTLS client, since we are controlled in ICE.
        """
        if self._connecting is None:
            role: Literal["client", "server"] = "server" if remote.role == "client" else "client"
            fingerprints = [RTCDtlsFingerprint(each.algorithm, each.value) for each in remote.fingerprints]
            self._connecting = asyncio.create_task(self._connect(role, fingerprints))

    async def _connect(
        self, role: Literal["client", "server"], fingerprints: list[RTCDtlsFingerprint]
    ) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._ice.ready()
                await self._dtls.start(role, fingerprints)
        except TimeoutError:
            _log.warning("transport %s: no DTLS after %.0f s", self.id, CONNECT_TIMEOUT)
        else:
            _log.debug("transport %s: DTLS %s", self.id, self._dtls.state)

    async def close(self) -> None:
        """End the handshake or the session and close the sockets; idempotent."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        await self._dtls.stop()
        await self._ice.close()

    def send_rtp(self, data: bytes) -> None:
        """Send a packet made by `packet.build`; lost silently when there is no path."""
        protected = self._dtls.protect(data, rtcp=False)
        if protected is None or self._is_lost(self._faults.drop_outbound):
            return
        self.bytes_sent += len(protected)
        self._ice.send(protected)

    def send_rtcp(self, *packets: SupportsBytes) -> None:
        """Send one compound packet."""
        protected = self._dtls.protect(b"".join(bytes(packet) for packet in packets), rtcp=True)
        if protected is not None:
            self.bytes_sent += len(protected)
            self._ice.send(protected)

    def _receive(self, data: bytes) -> None:
        now = self._clock()
        self.bytes_received += len(data)
        if len(data) > 1 and 192 <= data[1] <= 223:  # RFC 5761, 4
            self._receive_rtcp(data, now)
        elif not self._is_lost(self._faults.drop_inbound):
            plain = self._dtls.unprotect(data, rtcp=False)
            packet = parse(plain) if plain is not None else None
            if packet is not None:
                self._sink.handle_rtp(self, packet, now)

    def _receive_rtcp(self, data: bytes, now: float) -> None:
        plain = self._dtls.unprotect(data, rtcp=True)
        if plain is None:
            return
        try:
            packets = RtcpPacket.parse(plain)
        except (ValueError, IndexError, struct.error):
            return
        for packet in packets:
            self._sink.handle_rtcp(self, packet, now)

    def _is_lost(self, share: float) -> bool:
        return share > 0 and self._faults.random.random() < share
