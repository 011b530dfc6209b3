"""One encoding of a producer, as it arrives: order, loss, rate, and the asking for keyframes."""

from __future__ import annotations

from typing import Final

from aiortc.rtp import RtcpReceiverInfo, RtcpSrPacket

from edgemeet.sandbox.sfu.packet import RtpView
from edgemeet.sandbox.sfu.payload import starts_keyframe
from edgemeet.sandbox.sfu.reception import RateMeter, ReceptionStatistics
from edgemeet.sandbox.sfu.sequence import Arrival, GapTracker
from edgemeet.sandbox.sfu.timeline import SenderClock

KEYFRAME_INTERVAL: Final = 0.5  # seconds between two requests; an encoder that is asked more often starves
ALIVE_FOR: Final = 2.0  # seconds without a packet after which an encoding counts as not sent


class ReceivedEncoding:
    """What is known about one encoding.

    Args:
        ssrc: None while only the RTP stream id is known.
        now: monotonic seconds of its announcement.
    """

    def __init__(
        self,
        *,
        index: int,
        mime_type: str,
        clock_rate: int,
        ssrc: int | None,
        rtx_ssrc: int | None,
        rid: str | None,
        now: float,
    ) -> None:
        self.index = index
        self.ssrc = ssrc
        self.rtx_ssrc = rtx_ssrc
        self.rid = rid
        self.clock: SenderClock | None = None
        self.packets = 0
        self.bytes = 0
        self.recovered = 0
        self.keyframes = 0
        self.keyframe_requests = 0
        self.first_packet: float | None = None
        self.last_packet: float | None = None
        self.gaps = GapTracker()
        self._mime_type = mime_type
        self._statistics = ReceptionStatistics(clock_rate)
        self._rate = RateMeter()
        self._keyframe_wanted = False
        self._asked = now - KEYFRAME_INTERVAL

    def receive(self, packet: RtpView, now: float, *, retransmitted: bool) -> Arrival:
        """Count a media packet."""
        arrival = self.gaps.receive(packet.sequence, now)
        if arrival is Arrival.DUPLICATE:
            return arrival
        if arrival is Arrival.RESTART:
            self._statistics.restart()
        if not retransmitted:
            self._statistics.add(packet.sequence, packet.timestamp, now)
        self.recovered += arrival is Arrival.RECOVERED
        self.packets += 1
        self.bytes += len(packet.data)
        self._rate.add(len(packet.data), now)
        self.last_packet = now
        if self.first_packet is None:
            self.first_packet = now
        return arrival

    def is_keyframe_start(self, packet: RtpView) -> bool:
        """True when a decoder can start here; counts it, and drops a request that was still to be sent."""
        if not starts_keyframe(self._mime_type, packet.payload):
            return False
        self.keyframes += 1
        self._keyframe_wanted = False
        return True

    def receive_report(self, report: RtcpSrPacket, now: float) -> None:
        """Take note of the sender's clock."""
        self.clock = SenderClock(report.sender_info.ntp_timestamp, report.sender_info.rtp_timestamp, now)

    def want_keyframe(self) -> None:
        """Ask for a keyframe as soon as `keyframe_due` allows it."""
        self._keyframe_wanted = True

    def keyframe_due(self, now: float) -> bool:
        """True when a request must be sent now; it then counts as sent."""
        if not self._keyframe_wanted or self.ssrc is None or now - self._asked < KEYFRAME_INTERVAL:
            return False
        self._keyframe_wanted = False
        self._asked = now
        self.keyframe_requests += 1
        return True

    def is_alive(self, now: float) -> bool:
        """True while packets come."""
        return self.last_packet is not None and now - self.last_packet < ALIVE_FOR

    def bitrate(self, now: float) -> int:
        """Received bits per second."""
        return self._rate.bits_per_second(now)

    @property
    def packets_lost(self) -> int:
        """Packets that did not come at the first try."""
        return self._statistics.packets_lost

    @property
    def fraction_lost(self) -> float:
        """Share of packets lost in the last reporting interval, 0 to 1."""
        return self._statistics.fraction_lost / 256

    @property
    def jitter(self) -> float:
        """Seconds."""
        return self._statistics.jitter_seconds

    def score(self, now: float) -> int:
        """0 (nothing comes) to 10 (nothing is lost), as mediasoup scores."""
        return max(1, 10 - round(self.fraction_lost * 20)) if self.is_alive(now) else 0

    def report(self, now: float) -> RtcpReceiverInfo | None:
        """The receiver report's block, or None before the first packet."""
        if self.ssrc is None or self.first_packet is None:
            return None
        return self._statistics.report(self.ssrc, self.clock, now)
