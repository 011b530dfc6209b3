"""The router of one room: which packet goes where, and the reports and requests that keep it going."""

from __future__ import annotations

import random as random_module
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from pydantic import JsonValue

from edgemeet.encoded import Kind
from edgemeet.ortc.consuming import consumer_parameters
from edgemeet.ortc.parameters import (
    RtpCapabilities,
    RtpParameters,
    WebRtcTransportOptions,
)
from edgemeet.sandbox.sfu.bandwidth import BandwidthEstimate
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.encoding import ReceivedEncoding
from edgemeet.sandbox.sfu.offer import capabilities
from edgemeet.sandbox.sfu.packet import RtpView
from edgemeet.sandbox.sfu.path import Path
from edgemeet.sandbox.sfu.producer import Producer, make_producer
from edgemeet.sandbox.sfu.transport import Faults, MediaTransport


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where transports are bound, and what clients are told instead of it."""

    hosts: tuple[str, ...]
    announced: tuple[str, ...] = ()


class Router:
    """Forwards between the transports of one room.

    Args:
        max_bitrate: cap of what producers are told by REMB, bits per second.
    """

    def __init__(
        self,
        *,
        certificate: RTCCertificate,
        addresses: Addresses,
        faults: Faults,
        max_bitrate: Callable[[], int | None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        random: random_module.Random | None = None,
    ) -> None:
        self.capabilities = capabilities()
        self._certificate = certificate
        self._addresses = addresses
        self._faults = faults
        self._max_bitrate = max_bitrate
        self._clock = clock
        self._random = random or random_module.Random()
        self._ssrc = self._new_ssrc()
        self._paths: dict[str, Path] = {}
        self.producers: dict[str, Producer] = {}
        self.consumers: dict[str, Consumer] = {}

    async def create_transport(
        self, *, producing: bool, data: bool = False
    ) -> tuple[MediaTransport, WebRtcTransportOptions]:
        """A new transport, bound and waiting for its client; with `data` for one that opens data channels.

        Raises:
            OSError: no socket is to be had.
        """
        transport = MediaTransport(
            certificate=self._certificate,
            producing=producing,
            data=data,
            sink=self,
            faults=self._faults,
            clock=self._clock,
        )
        try:
            options = await transport.open(self._addresses.hosts, self._addresses.announced)
        except BaseException:  # no socket may outlive a cancelled or failed opening
            await transport.close()
            raise
        self._paths[transport.id] = Path(transport, BandwidthEstimate())
        return transport, options

    async def close_transport(self, transport: MediaTransport) -> None:
        """Close a transport; its producers and consumers must be closed before."""
        self._paths.pop(transport.id, None)
        await transport.close()

    def produce(
        self,
        transport: MediaTransport,
        *,
        peer_id: str,
        kind: Kind,
        parameters: RtpParameters,
        app_data: dict[str, JsonValue],
        on_first_packet: Callable[[Producer, float], None],
    ) -> Producer:
        """A new producer.

        Raises:
            ProtocolMismatch: see `make_producer`.
        """
        path = self._paths[transport.id]
        producer = make_producer(
            peer_id=peer_id,
            kind=kind,
            parameters=parameters,
            app_data=app_data,
            transport=transport,
            router=self.capabilities,
            taken_ssrcs=path.streams,
            on_first_packet=on_first_packet,
            now=self._clock(),
        )
        for encoding in producer.encodings:
            for ssrc in (encoding.ssrc, encoding.rtx_ssrc):
                if ssrc is not None:
                    path.streams[ssrc] = (producer, encoding)
        path.producers.append(producer)
        self.producers[producer.id] = producer
        return producer

    def consume(
        self,
        producer: Producer,
        transport: MediaTransport,
        *,
        peer_id: str,
        receiver: RtpCapabilities,
        on_layers_changed: Callable[[Consumer, int], None],
    ) -> Consumer:
        """A new consumer, paused.

        Raises:
            ProtocolMismatch: the receiver cannot decode the producer.
        """
        path = self._paths[transport.id]
        parameters = consumer_parameters(
            producer.parameters,
            self.capabilities,
            receiver,
            ssrc=self._new_ssrc(),
            rtx_ssrc=self._new_ssrc(),
            mid=path.free_mid(),
        )
        consumer = Consumer(
            peer_id=peer_id,
            producer_id=producer.id,
            kind=producer.kind,
            parameters=parameters,
            transport=transport,
            encodings=producer.encodings,
            on_layers_changed=on_layers_changed,
            random=self._random,
        )
        for ssrc in (consumer.ssrc, consumer.rtx_ssrc):
            if ssrc is not None:
                path.consumers[ssrc] = consumer
        producer.consumers.append(consumer)
        self.consumers[consumer.id] = consumer
        return consumer

    def close_producer(self, producer: Producer) -> list[Consumer]:
        """Forget a producer; returns the consumers that ended with it."""
        path = self._paths.get(producer.transport.id)
        if path is not None:
            path.producers.remove(producer)
            path.streams = {ssrc: entry for ssrc, entry in path.streams.items() if entry[0] is not producer}
        ended = list(producer.consumers)
        for consumer in ended:
            self.close_consumer(consumer)
        del self.producers[producer.id]
        return ended

    def close_consumer(self, consumer: Consumer) -> None:
        """Forget a consumer."""
        if self.consumers.pop(consumer.id, None) is None:
            return
        self.producers[consumer.producer_id].consumers.remove(consumer)
        path = self._paths.get(consumer.transport.id)
        if path is not None:
            path.consumers = {ssrc: each for ssrc, each in path.consumers.items() if each is not consumer}

    def handle_rtp(self, transport: MediaTransport, packet: RtpView, now: float) -> None:
        """A packet of a producer, or of nobody."""
        path = self._paths.get(transport.id)
        if path is None:
            return
        entry = path.streams.get(packet.ssrc)
        if entry is None:
            entry = path.claim(packet)
            if entry is None:
                return
        producer, encoding = entry
        number = producer.transport_number(packet)
        if number is not None:
            path.arrivals.add(number, now, packet.ssrc)
        producer.receive(encoding, packet, now)
        if producer.kind == "video":
            self._ask(producer, encoding, now)

    def handle_rtcp(self, transport: MediaTransport, packet: AnyRtcpPacket, now: float) -> None:
        """A report or a feedback; what concerns nobody is ignored."""
        path = self._paths.get(transport.id)
        if path is None:
            return
        match packet:
            case RtcpSrPacket():
                entry = path.streams.get(packet.ssrc)
                if entry is not None and entry[1].ssrc == packet.ssrc:
                    entry[1].receive_report(packet, now)
            case RtcpRrPacket():
                for report in packet.reports:
                    consumer = path.consumers.get(report.ssrc)
                    if consumer is not None and report.ssrc == consumer.ssrc:
                        consumer.receive_report(report, now)
            case RtcpRtpfbPacket(fmt=fmt) if fmt == RTCP_RTPFB_NACK:
                consumer = path.consumers.get(packet.media_ssrc)
                if consumer is not None:
                    consumer.retransmit(packet.lost, now)
            case RtcpPsfbPacket():
                self._feedback(path, packet, now)

    def tick(self, now: float) -> None:
        """Ask for lost packets and wanted keyframes, tell of arrivals. To be called about every 50 ms."""
        for producer in self.producers.values():
            for encoding in producer.encodings:
                self._ask(producer, encoding, now)
        for path in self._paths.values():
            feedback = path.arrivals.due(now, self._ssrc)
            if feedback is not None:
                path.transport.send_rtcp(feedback)

    def report(self, now: float) -> None:
        """Send the reports, and let consumers choose their layer. To be called about every second."""
        for producer in self.producers.values():
            producer.steer(now)
        for path in self._paths.values():
            path.report_to_producers(now, ssrc=self._ssrc, cap=self._max_bitrate())
            path.report_to_consumers(now)

    def _feedback(self, path: Path, packet: RtcpPsfbPacket, now: float) -> None:
        if packet.fmt == RTCP_PSFB_APP:
            try:
                path.transport.available_bitrate = unpack_remb_fci(packet.fci)[0]
            except (ValueError, struct.error):
                return
        for ssrc in _keyframe_targets(packet):
            consumer = path.consumers.get(ssrc)
            if consumer is not None:
                consumer.request_keyframe()
                producer = self.producers[consumer.producer_id]
                for encoding in producer.encodings:
                    self._ask(producer, encoding, now)

    def _ask(self, producer: Producer, encoding: ReceivedEncoding, now: float) -> None:
        if encoding.ssrc is None:
            return
        if producer.takes_nack and (lost := encoding.gaps.due(now)):
            producer.nacks_sent += 1
            producer.transport.send_rtcp(
                RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self._ssrc, media_ssrc=encoding.ssrc, lost=lost)
            )
        if not producer.paused and producer.transport.connected and encoding.keyframe_due(now):
            producer.transport.send_rtcp(
                RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._ssrc, media_ssrc=encoding.ssrc)
            )

    def _new_ssrc(self) -> int:
        return self._random.randrange(1, 0xFFFF_FFFF)


def _keyframe_targets(packet: RtcpPsfbPacket) -> Iterator[int]:
    if packet.fmt == RTCP_PSFB_PLI:
        yield packet.media_ssrc
    elif packet.fmt == RTCP_PSFB_FIR:
        for at in range(0, len(packet.fci) - 7, 8):
            yield int.from_bytes(packet.fci[at : at + 4], "big")
