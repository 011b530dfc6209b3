"""One encoding on its way out: timestamps, sequence numbers, packets, history, counters."""

from __future__ import annotations

import random as random_module
from dataclasses import dataclass
from struct import pack

from edgemeet.encoded import Kind
from edgemeet.ortc.header_extensions import REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from edgemeet.ortc.parameters import RtpEncodingParameters, RtpParameters
from edgemeet.rtc import rtcp
from edgemeet.rtc.allocation import EncodingLimits
from edgemeet.rtc.estimator import FLOOR
from edgemeet.rtc.formats import Formats, Packetizer
from edgemeet.rtc.history import History, SentPacket
from edgemeet.rtc.keyframe_gate import KeyframeGate
from edgemeet.rtc.pacer import QueuedFrame
from edgemeet.rtc.path import PacketPath
from edgemeet.rtc.quality import QualityLimit
from edgemeet.rtc.reception import Reception
from edgemeet.rtc.rtp_header import HeaderWriter
from edgemeet.rtc.stats import EncodingStats, Progress, RateMeter
from edgemeet.rtc.timestamps import AUDIO_CLOCK_RATE, VIDEO_CLOCK_RATE, AudioTimestamps, VideoTimestamps

# Seconds between two keyframes that nobody but we found necessary.
BROKEN_INTERVAL = 2.0
# Receivers interpolate the capture times between those that are told.
CAPTURE_TIME_INTERVAL = 1.0
# Used where the parameters name no rate: VideoSDK's rate for 720p, and twice what speech needs.
_DEFAULT_BITRATE: dict[Kind, int] = {"video": 1_500_000, "audio": 64_000}
# The lowest layer is worth sending from here on; it is also the least that is ever asked of it.
FLOOR_BITRATE = FLOOR
# A higher layer below this share of its rate looks worse than the layer under it. libwebrtc gives up 720p
# below 0.6 Mb/s, which is 0.4 of VideoSDK's rate; the fast baseline encoders of small devices need more.
_MINIMUM_SHARE = 0.5


@dataclass(slots=True)
class Counters:
    """Counted since the stream began."""

    packets: int = 0
    octets: int = 0
    repeated_packets: int = 0
    repeated_octets: int = 0
    frames: int = 0
    keyframes: int = 0
    dropped: int = 0
    errors: int = 0
    nacks: int = 0
    plis: int = 0
    firs: int = 0


class SendStream:
    """One SSRC, and the one that repeats its packets."""

    def __init__(
        self,
        layer: int,
        formats: Formats,
        encoding: RtpEncodingParameters,
        parameters: RtpParameters,
        path: PacketPath,
        *,
        random: random_module.Random,
    ) -> None:
        if encoding.ssrc is None:
            raise ValueError("encodings are told apart by ssrc; one has none")
        self.layer = layer
        self.ssrc = encoding.ssrc
        self.rtx_ssrc = encoding.rtx.ssrc if encoding.rtx else None
        self.maximum = encoding.max_bitrate or _DEFAULT_BITRATE[formats.kind]
        self.target = self.maximum
        self.encoded = True  # what the encoder was last told
        self.applied: int | None = None  # what the encoder was last asked for
        self.begun = formats.kind == "audio"
        self.counters = Counters()
        self.gate = KeyframeGate()
        self.quality = QualityLimit()
        self.reception = Reception(VIDEO_CLOCK_RATE if formats.kind == "video" else AUDIO_CLOCK_RATE)
        self.restart_at = 0.0  # no keyframe is asked for before
        self.last_fir: int | None = None
        self.first_sent: float | None = None
        self.timestamps = (
            VideoTimestamps(random.getrandbits(32))
            if formats.kind == "video"
            else AudioTimestamps(random.getrandbits(32))
        )
        self._formats = formats
        self._rid = encoding.rid
        self._sequence = random.getrandbits(16)
        self._rtx_sequence = random.getrandbits(16)
        self._keyframe_sequence = self._sequence
        self._broken_at = float("-inf")
        self.packetizer = Packetizer(formats, first_picture=random.getrandbits(15))
        self._history = History()
        self._bits = RateMeter()
        self._frames = RateMeter()
        self._ages = RateMeter()  # seconds since the capture, of whole frames
        self._repeated_bits = RateMeter()
        extensions, mid = parameters.header_extensions, parameters.mid
        rid, repaired = (
            ((RTP_STREAM_ID, encoding.rid), (REPAIRED_RTP_STREAM_ID, encoding.rid))
            if encoding.rid
            else (None, None)
        )
        self._path = path
        self._header = HeaderWriter(formats.payload_type, self.ssrc, extensions, mid, rid=rid)
        self._timed_header = HeaderWriter(
            formats.payload_type, self.ssrc, extensions, mid, rid=rid, capture_time=True
        )
        self._capture_told = float("-inf")
        self._rtx_header = (
            HeaderWriter(formats.rtx_payload_type, self.rtx_ssrc, extensions, mid, rid=repaired)
            if formats.rtx_payload_type is not None and self.rtx_ssrc is not None
            else None
        )

    @property
    def active(self) -> bool:
        """False while the bandwidth does not suffice for this layer, or nobody watches it."""
        return self.target > 0

    @property
    def last_sequence(self) -> int:
        """Of the last packet sent, 16 bits."""
        return (self._sequence - 1) & 0xFFFF

    @property
    def limits(self) -> EncodingLimits:
        """What this layer can use."""
        minimum = FLOOR_BITRATE if self.layer == 0 else round(self.maximum * _MINIMUM_SHARE)
        return EncodingLimits(min(minimum, self.maximum), self.maximum)

    def write(self, frame: QueuedFrame, payload: bytes, now: float, *, last: bool) -> bytes:
        """As `PacketWriter.write`."""
        sequence = self._sequence
        self._sequence = (sequence + 1) & 0xFFFF
        if frame.keyframe and frame.position <= 1:
            self._keyframe_sequence = sequence
        writer, captured = self._header, 0
        if frame.position <= 1 and now - self._capture_told >= CAPTURE_TIME_INTERVAL:
            self._capture_told = now
            writer = self._timed_header
            captured = self._path.media_clock.ntp(frame.captured)
        header = writer.write(
            sequence,
            frame.timestamp,
            marker=last,
            now=now,
            audio_level=frame.audio_level,
            number=self._number(writer, now, len(payload)),
            captured=captured,
        )
        self._history.add(SentPacket(sequence, frame.timestamp, last, payload, frame.audio_level, now))
        self._count(frame, len(payload), now, last=last)
        return header + payload

    def write_again(self, packet: SentPacket, now: float) -> bytes:
        """As `PacketWriter.write_again`: over RTX where it is negotiated, else the very packet."""
        self.counters.repeated_packets += 1
        self.counters.repeated_octets += len(packet.payload)
        self._repeated_bits.add(now, len(packet.payload) * 8)
        return self._repeat(packet, now)

    def _repeat(self, packet: SentPacket, now: float) -> bytes:
        marker, level = packet.marker, packet.audio_level
        if self._rtx_header is None:
            header = self._header.write(
                packet.sequence,
                packet.timestamp,
                marker=marker,
                now=now,
                audio_level=level,
                number=self._number(self._header, now, len(packet.payload)),
            )
            return header + packet.payload
        sequence = self._rtx_sequence
        self._rtx_sequence = (sequence + 1) & 0xFFFF
        header = self._rtx_header.write(
            sequence,
            packet.timestamp,
            marker=marker,
            now=now,
            audio_level=level,
            number=self._number(self._rtx_header, now, len(packet.payload) + 2),
        )
        return header + pack("!H", packet.sequence) + packet.payload

    def _number(self, writer: HeaderWriter, now: float, payload: int) -> int:
        """The transport's number for a packet that leaves now, where it is wanted."""
        return self._path.sent_packets.number(now, writer.size + payload) if writer.is_numbered else 0

    def repeated_bitrate(self, now: float) -> float:
        """Bits per second of repetitions, over the last two seconds."""
        return self._repeated_bits.per_second(now)

    def start_over(self, at: float) -> None:
        """What was sent is lost; a keyframe is asked for at `at`."""
        self._history.clear()
        self.begun = False
        self.restart_at = at
        self.gate.ask()

    def padding(self, now: float) -> bytes | None:
        """A packet that fills the path and changes nothing; None where it would."""
        packet = self._history.filler() if self._rtx_header is not None else None
        return self._repeat(packet, now) if packet is not None else None

    def find_lost(self, sequence: int, now: float) -> SentPacket | None:
        """The packet that a receiver misses, if it is still worth sending."""
        return self._history.take(
            sequence, now, round_trip=self.reception.round_trip, rate=self.target or self.maximum
        )

    def is_broken_by(self, sequence: int, now: float) -> bool:
        """Whether pictures cannot be decoded because this packet is lost for good.

        True at most every two seconds: where each request comes too late, keyframes would be all there is.
        """
        since_keyframe = (self._sequence - self._keyframe_sequence) & 0xFFFF
        behind = (self._sequence - sequence) & 0xFFFF
        if not self.begun or not 0 < behind <= since_keyframe or self._history.holds(sequence, now):
            return False
        if now - self._broken_at < BROKEN_INTERVAL:
            return False
        self._broken_at = now
        return True

    def report(self, ntp: int, now: float, cname: str) -> bytes:
        """A sender report and the name of the endpoint; `ntp` is the NTP timestamp of `now`."""
        self.reception.report_sent(ntp, now)
        counters = self.counters
        report = rtcp.sender_report(
            self.ssrc, ntp, self.timestamps.at(now), counters.packets, counters.octets
        )
        return report + rtcp.source_description(self.ssrc, cname)

    def _count(self, frame: QueuedFrame, size: int, now: float, *, last: bool) -> None:
        counters = self.counters
        counters.packets += 1
        counters.octets += size
        self._bits.add(now, size * 8)
        if self.first_sent is None:
            self.first_sent = now
        if last or self._formats.kind == "audio":
            counters.frames += 1
            counters.keyframes += frame.keyframe
            self._frames.add(now, 1)
            self._ages.add(now, now - frame.captured)

    def progress(self, now: float) -> Progress:
        """How far it has come."""
        acknowledged = self.reception.acknowledged_at
        return Progress(
            active=self.active,
            packets_sent=self.counters.packets,
            last_report_age=None if acknowledged is None else now - acknowledged,
            first_packet_age=None if self.first_sent is None else now - self.first_sent,
        )

    def stats(self, now: float) -> EncodingStats:
        """A snapshot."""
        counters, reception, size = self.counters, self.reception, self.packetizer.frame_size
        progress = self.progress(now)
        frames, ages = self._frames.per_second(now), self._ages.per_second(now)
        return EncodingStats(
            ssrc=self.ssrc,
            rid=self._rid,
            active=progress.active,
            packets_sent=progress.packets_sent,
            bytes_sent=counters.octets,
            retransmitted_packets_sent=counters.repeated_packets,
            retransmitted_bytes_sent=counters.repeated_octets,
            frames_sent=counters.frames,
            key_frames_sent=counters.keyframes if self._formats.kind == "video" else 0,
            frames_dropped=counters.dropped,
            errors=counters.errors,
            nack_count=counters.nacks,
            pli_count=counters.plis,
            fir_count=counters.firs,
            target_bitrate=self.target,
            quality_limitation_reason=self.quality.reason,
            quality_limitation_durations=self.quality.durations(now),
            bitrate=round(self._bits.per_second(now)),
            frame_width=size[0] if size else None,
            frame_height=size[1] if size else None,
            frames_per_second=round(frames, 2),
            capture_to_send=round(ages / frames, 4) if frames else None,
            round_trip_time=reception.round_trip,
            fraction_lost=reception.fraction_lost,
            packets_lost=reception.packets_lost,
            jitter=reception.jitter,
            highest_acknowledged=reception.highest,
            last_report_age=progress.last_report_age,
            first_packet_age=progress.first_packet_age,
        )
