"""RTP timestamps from capture times.

Both kinds work on unbounded integers and are cut to 32 bits at the edge, so wrap-around is no case of
its own. `at` tells the timestamp that belongs to any moment, as sender reports need it.
"""

from __future__ import annotations

from typing import Protocol

VIDEO_CLOCK_RATE = 90_000
AUDIO_CLOCK_RATE = 48_000
SAMPLES_PER_PACKET = 960  # 20 ms of Opus, which is what an access unit holds

# Half a packet and a bit: less is the jitter of reading a sound card, more is a packet that never was.
_GAP = SAMPLES_PER_PACKET * 3 // 4
# How fast the drift of a sound card against the monotonic clock is followed: about 50 packets, 1 s.
_DRIFT_GAIN = 0.02


class Timestamps(Protocol):
    """What a stream needs of either kind."""

    def next(self, captured: float) -> int:
        """The 32-bit timestamp of the next access unit; strictly later than the one before."""

    def at(self, moment: float) -> int:
        """The 32-bit timestamp of a moment on the monotonic clock."""


class VideoTimestamps:
    """The capture time in 90 kHz ticks."""

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._last: int | None = None

    def next(self, captured: float) -> int:
        """As `Timestamps.next`. A capture time that goes back gives the smallest step forward."""
        ticks = self._ticks(captured)
        if self._last is not None and ticks <= self._last:
            ticks = self._last + 1
        self._last = ticks
        return ticks & 0xFFFF_FFFF

    def at(self, moment: float) -> int:
        """As `Timestamps.at`."""
        return self._ticks(moment) & 0xFFFF_FFFF

    def _ticks(self, moment: float) -> int:
        return round(moment * VIDEO_CLOCK_RATE) + self._offset


class AudioTimestamps:
    """Counts samples, because receivers play by the count, and keeps track of the capture time beside it.

    Jitter of the capture times does not reach the timestamps; a gap of whole packets does; the slow drift
    of the sound card's clock shows in `at` alone.
    """

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._next: int | None = None
        self._drift = 0.0  # samples that the capture time is ahead of the count, smoothed
        self.gap = True  # the last packet did not follow its predecessor: the RTP marker bit

    def next(self, captured: float) -> int:
        """As `Timestamps.next`."""
        ticks = captured * AUDIO_CLOCK_RATE + self._offset
        self.gap = False
        if self._next is None:
            self._next = round(ticks)
            self._drift = ticks - self._next
            self.gap = True
        error = ticks - self._next - self._drift
        if error >= _GAP:
            missing = round(error / SAMPLES_PER_PACKET)
            self._next += missing * SAMPLES_PER_PACKET
            error -= missing * SAMPLES_PER_PACKET
            self.gap = True
        self._drift += _DRIFT_GAIN * error
        timestamp = self._next
        self._next += SAMPLES_PER_PACKET
        return timestamp & 0xFFFF_FFFF

    def at(self, moment: float) -> int:
        """As `Timestamps.at`."""
        return round(moment * AUDIO_CLOCK_RATE + self._offset - self._drift) & 0xFFFF_FFFF
