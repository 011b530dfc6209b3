"""A transport with the streams that run over it, and the reports that go out on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aiortc.rtp import RTCP_PSFB_APP, AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, pack_remb_fci

from edgemeet.sandbox.sfu.arrivals import Arrivals
from edgemeet.sandbox.sfu.bandwidth import BandwidthEstimate
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.encoding import ReceivedEncoding
from edgemeet.sandbox.sfu.packet import RtpView
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.transport import MediaTransport

_MAX_REPORTS: Final = 31  # blocks that fit one report, by RFC 3550


@dataclass(eq=False)
class Path:
    """What runs over one transport, by SSRC."""

    transport: MediaTransport
    bandwidth: BandwidthEstimate
    streams: dict[int, tuple[Producer, ReceivedEncoding]] = field(default_factory=dict)
    producers: list[Producer] = field(default_factory=list)
    consumers: dict[int, Consumer] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=Arrivals)
    _counted: tuple[float, int] = (0.0, 0)  # when what had arrived was last counted, in bytes

    def claim(self, packet: RtpView) -> tuple[Producer, ReceivedEncoding] | None:
        """Whose packet this is, when its SSRC was not announced."""
        for producer in self.producers:
            encoding = producer.claim(packet)
            if encoding is not None:
                self.streams[packet.ssrc] = (producer, encoding)
                return producer, encoding
        return None

    def free_mid(self) -> str:
        """A name for one more stream towards the client."""
        taken = {consumer.parameters.mid for consumer in self.consumers.values()}
        return next(mid for mid in map(str, range(len(taken) + 1)) if mid not in taken)

    def report_to_consumers(self, now: float) -> None:
        """Send the sender reports."""
        for consumer in dict.fromkeys(self.consumers.values()):
            report = consumer.sender_report(now)
            if report is not None:
                self.transport.send_rtcp(*report)

    def report_to_producers(self, now: float, *, ssrc: int, cap: int | None) -> None:
        """Send the receiver reports and, for video, what may be sent."""
        encodings = [encoding for producer in self.producers for encoding in producer.encodings]
        blocks = [block for encoding in encodings if (block := encoding.report(now)) is not None]
        if not blocks:
            return
        packets: list[AnyRtcpPacket] = [
            RtcpRrPacket(ssrc=ssrc, reports=blocks[start : start + _MAX_REPORTS])
            for start in range(0, len(blocks), _MAX_REPORTS)
        ]
        remb = self._remb(now, ssrc=ssrc, cap=cap)
        if remb is not None:
            packets.append(remb)
        self.transport.send_rtcp(*packets)

    def _remb(self, now: float, *, ssrc: int, cap: int | None) -> RtcpPsfbPacket | None:
        video = [
            encoding
            for producer in self.producers
            if producer.kind == "video"
            for encoding in producer.encodings
        ]
        ssrcs = [encoding.ssrc for encoding in video if encoding.ssrc is not None]
        if not ssrcs:
            return None
        self.bandwidth.cap = cap
        # All that arrives, so that padding shows what the path carries.
        then, before = self._counted
        octets = self.transport.bytes_received
        self._counted = (now, octets)
        received = round((octets - before) * 8 / max(now - then, 0.05))
        value = self.bandwidth.update(received, max(encoding.fraction_lost for encoding in video))
        self.transport.available_bitrate = value
        if cap is None and any(producer.takes_transport_feedback for producer in self.producers):
            return None  # it finds out by itself; as with mediasoup, only a limit is told beside that
        return RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=ssrc, media_ssrc=0, fci=pack_remb_fci(value, ssrcs))
