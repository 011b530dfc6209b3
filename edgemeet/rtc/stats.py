"""What was sent and what the other side says of it, named after W3C webrtc-stats where it has a name."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edgemeet.encoded import Kind
from edgemeet.rtc.quality import QualityDurations, QualityReason

# Rates are measured over this many seconds.
WINDOW = 2.0
_BUCKET = 0.1


BandwidthFeedback = Literal["transport-cc", "goog-remb", "reports"]


class TransportState(StrEnum):
    """How far a transport has come; it only moves forward."""

    NEW = "new"
    CHECKING = "checking"  # ICE looks for a path
    SECURING = "securing"  # DTLS agrees on keys
    CONNECTED = "connected"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TransportStats:
    """One transport. Ages are seconds; None means that it never happened.

    Attributes:
        round_trip_time: seconds, the last one measured on any stream.
        available_bitrate: bits per second that the path is believed to carry.
        bandwidth_feedback: what `available_bitrate` is made of: "transport-cc", "goog-remb", or "reports"
            of loss and round trips alone; None before any came.
        told_bitrate: bits per second by the receiver's last own estimate (REMB).
        padding_bytes_sent: of `bytes_sent`, those that only probed the path.
        last_feedback_age: since any RTCP was received.
        packets_dropped: that a full socket or a lost path cost.
        malformed: received RTCP packets that could not be read.
        queue_delay: seconds that a picture handed in now would wait.
    """

    state: TransportState
    local_address: str | None
    local_candidate_type: str | None
    remote_address: str | None
    round_trip_time: float | None
    bytes_sent: int
    packets_sent: int
    packets_received: int
    packets_dropped: int
    malformed: int
    available_bitrate: int
    bandwidth_feedback: BandwidthFeedback | None
    told_bitrate: int | None
    padding_bytes_sent: int
    last_feedback_age: float | None
    queue_delay: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one encoding has come, as `EncodingStats` tells it; asked several times a second."""

    active: bool
    packets_sent: int
    last_report_age: float | None
    first_packet_age: float | None


@dataclass(frozen=True, slots=True)
class EncodingStats:
    """One encoding: counters since the producer began.

    Attributes:
        bytes_sent: RTP payload, as in W3C statistics; retransmissions are in `retransmitted_bytes_sent`.
        frames_dropped: pictures or sounds that were handed in and not sent.
        errors: of these, those that could not be put into packets.
        target_bitrate: bits per second asked of the encoder; 0 while the layer is off.
        quality_limitation_reason: why that is less than the most.
        quality_limitation_durations: seconds of each reason.
        bitrate: bits per second of payload sent, over the last two seconds.
        frames_per_second: over the last two seconds.
        capture_to_send: seconds from the capture of a picture or sound to its last packet, the mean of the
            last two seconds; None while nothing is sent.
        fraction_lost: 0 to 1, between the last two reports.
        highest_acknowledged: extended sequence number of the last packet that the receiver has seen.
        last_report_age: seconds since a report acknowledged something new, or all there was.
        first_packet_age: seconds since the first packet left.
    """

    ssrc: int
    rid: str | None
    active: bool
    packets_sent: int
    bytes_sent: int
    retransmitted_packets_sent: int
    retransmitted_bytes_sent: int
    frames_sent: int
    key_frames_sent: int
    frames_dropped: int
    errors: int
    nack_count: int
    pli_count: int
    fir_count: int
    target_bitrate: int
    quality_limitation_reason: QualityReason
    quality_limitation_durations: QualityDurations
    bitrate: int
    frame_width: int | None
    frame_height: int | None
    frames_per_second: float
    capture_to_send: float | None
    round_trip_time: float | None
    fraction_lost: float | None
    packets_lost: int | None
    jitter: float | None
    highest_acknowledged: int | None
    last_report_age: float | None
    first_packet_age: float | None


@dataclass(frozen=True, slots=True)
class SenderStats:
    """One producer; `codec` is its MIME type's second half in lower case."""

    kind: Kind
    codec: str
    paused: bool
    encodings: tuple[EncodingStats, ...]


class RateMeter:
    """Counts something over the last two seconds, in steps of a tenth."""

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque()  # [begin, amount]
        self._began: float | None = None

    def add(self, now: float, amount: float) -> None:
        """`amount` more at `now`."""
        if self._began is None:
            self._began = now
        if self._buckets and now - self._buckets[-1][0] < _BUCKET:
            self._buckets[-1][1] += amount
            return
        self._buckets.append([now, amount])
        self._expire(now)

    def per_second(self, now: float) -> float:
        """The mean over the window, or over the time since the first amount when that is shorter."""
        self._expire(now)
        if self._began is None or not self._buckets:
            return 0.0
        # A stream that has only just begun has no rate worth telling: at least half a second is assumed.
        span = min(max(now - self._began, 0.5), WINDOW)
        return sum(amount for _, amount in self._buckets) / span

    def _expire(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] < now - WINDOW:
            self._buckets.popleft()
