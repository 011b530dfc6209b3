"""Spreads packets over time, so that a keyframe does not overflow the queue of a home router. Sans-I/O.

Packets get their sequence numbers when they leave, so pictures dropped from the queue leave no gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from edgemeet.rtc.history import SentPacket

# libwebrtc's pacing factor. A picture of twice the usual size leaves within 1 / 2.5 of the picture interval.
PACING_FACTOR = 2.5
# After a congestion, when the rate that the path carries is known: what an encoder gives too much of for a
# moment waits here then; it would be lost on the way.
CAREFUL_FACTOR = 1.25
# Below this rate pictures would crawl even where nothing is known of the path.
MIN_RATE = 300_000
# What may leave at once, in seconds at the pacing rate: a picture of up to 1.5 times the usual size. One that
# is stretched costs its own time and as much again in the receiver's jitter buffer, which sees that large
# pictures take longer (40 ms from capture to screen with 10 ms here, 17 ms with this). libwebrtc's
# `send_burst_interval` is the same thing. Every wake-up costs a Raspberry Pi more than the packets do.
BURST_SECONDS = 0.02
# A picture that would wait longer than this is not worth sending. A keyframe of a second's bits takes 0.4 s.
MAX_BACKLOG = 0.5
# A queue that would take longer than this drains faster, by this factor at most.
DRAIN_WITHIN = 0.25
DRAIN_FACTOR = 2.0
CAREFUL_DRAIN_FACTOR = 1.2
# A new keyframe is asked for only when less than this waits: it would be dropped like the pictures before it.
READY_BACKLOG = 0.1
# Sound for a second; only a transport that does not send at all gets that far.
_MAX_AUDIO = 50
_MAX_RETRANSMISSIONS = 500
# Headers, extensions, SRTP, UDP and IP of a packet, in bytes.
_OVERHEAD = 70


class PacketWriter(Protocol):
    """A stream, which turns payloads into packets at the moment they leave."""

    def write(self, frame: QueuedFrame, payload: bytes, now: float, *, last: bool) -> bytes:
        """The next packet of a frame."""

    def write_again(self, packet: SentPacket, now: float) -> bytes:
        """A packet once more."""


@dataclass(slots=True)
class QueuedFrame:
    """A picture or a sound on its way."""

    writer: PacketWriter
    payloads: list[bytes]
    timestamp: int
    keyframe: bool
    marker: bool
    audio_level: int | None
    size: int
    captured: float = 0.0  # seconds, monotonic
    position: int = 0  # payloads that have left; 1 while the first one of a picture leaves


class Pacer:
    """A leaky bucket: sound at once, then retransmissions, then pictures in the order they came."""

    def __init__(self) -> None:
        self._audio: deque[QueuedFrame] = deque()
        self._again: deque[tuple[PacketWriter, SentPacket]] = deque()
        self._video: deque[QueuedFrame] = deque()
        self._queued = 0  # bytes of pictures that wait
        self._rate = MIN_RATE / 8  # bytes per second
        self._drain_factor = DRAIN_FACTOR
        self._debt = 0.0  # bytes that have left and not yet leaked away
        self._leaked = 0.0

    def set_target(self, bits_per_second: int, *, careful: bool = False) -> None:
        """All streams together aim at this rate; packets leave at 2.5 times as much.

        Args:
            bits_per_second: the rate.
            careful: 1.25 times as much; the path carries little more.
        """
        if careful:
            self._rate = bits_per_second * CAREFUL_FACTOR / 8
            self._drain_factor = CAREFUL_DRAIN_FACTOR
        else:
            self._rate = max(bits_per_second * PACING_FACTOR, MIN_RATE) / 8
            self._drain_factor = DRAIN_FACTOR

    def backlog(self, now: float) -> float:
        """Seconds until a picture that is handed in now begins to leave."""
        self._leak(now)
        return (self._debt + self._queued) / self._rate_now()

    def offer_audio(self, frame: QueuedFrame) -> None:
        """Sound leaves at once; when a second of it waits, the oldest is dropped."""
        if len(self._audio) >= _MAX_AUDIO:
            self._audio.popleft()
        self._audio.append(frame)

    def offer_again(self, writer: PacketWriter, packet: SentPacket) -> None:
        """A retransmission, before any picture."""
        if len(self._again) < _MAX_RETRANSMISSIONS:
            self._again.append((writer, packet))

    def offer_video(self, frame: QueuedFrame, now: float) -> bool:
        """False when too much waits already: the frame is not taken and its stream needs a keyframe.

        A keyframe makes the waiting pictures of its stream worthless; they go first.
        """
        if self.backlog(now) > MAX_BACKLOG:
            if frame.keyframe:
                self.discard(frame.writer)
            if self.backlog(now) > MAX_BACKLOG:
                return False
        self._video.append(frame)
        self._queued += frame.size
        return True

    def discard(self, writer: PacketWriter) -> int:
        """Drop what waits of a stream, except a frame that has begun to leave. Tells how many frames.

        Repetitions are of what went before, and go too.
        """
        self._again = deque(entry for entry in self._again if entry[0] is not writer)
        kept = deque(f for f in self._video if f.writer is not writer or f.position)
        dropped = len(self._video) - len(kept)
        self._video = kept
        self._queued = sum(frame.size for frame in kept)
        return dropped

    def forget(self, writer: PacketWriter) -> None:
        """A stream has ended: drop all of it."""
        self._audio = deque(f for f in self._audio if f.writer is not writer)
        self._again = deque(entry for entry in self._again if entry[0] is not writer)
        self._video = deque(f for f in self._video if f.writer is not writer)
        self._queued = sum(frame.size for frame in self._video)

    def packets(self, now: float) -> Iterator[bytes]:
        """All packets that may leave now."""
        self._leak(now)
        while (packet := self._next(now)) is not None:
            self._debt += len(packet) + _OVERHEAD
            yield packet

    def wait(self, now: float) -> float | None:
        """Seconds until `packets` gives something; None when nothing waits."""
        if self._audio:
            return 0.0
        if not self._again and not self._video:
            return None
        self._leak(now)
        # To an empty bucket, so that every wake-up sends a burst and not one packet.
        return self._debt / self._rate_now()

    def _rate_now(self) -> float:
        """Bytes per second: more than the pacing rate while much waits."""
        return min(max(self._rate, self._queued / DRAIN_WITHIN), self._rate * self._drain_factor)

    def _next(self, now: float) -> bytes | None:
        if self._audio:
            frame = self._audio.popleft()
            return frame.writer.write(frame, frame.payloads[0], now, last=frame.marker)
        # Not at the higher rate of a queue that drains: what leaves at once is what routers must hold.
        if self._debt > self._rate * BURST_SECONDS:
            return None
        if self._again:
            writer, packet = self._again.popleft()
            return writer.write_again(packet, now)
        return self._next_of_video(now) if self._video else None

    def _next_of_video(self, now: float) -> bytes:
        frame = self._video[0]
        payload = frame.payloads[frame.position]
        frame.position += 1
        frame.size -= len(payload)
        self._queued -= len(payload)
        last = frame.position == len(frame.payloads)
        if last:
            self._video.popleft()
        return frame.writer.write(frame, payload, now, last=last)

    def _leak(self, now: float) -> None:
        if now > self._leaked:
            self._debt = max(0.0, self._debt - (now - self._leaked) * self._rate_now())
            self._leaked = now
