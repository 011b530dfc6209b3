"""What the receiver's reports say of one stream."""

from __future__ import annotations

from collections import deque

from edgemeet.rtc.media_clock import middle_bits
from edgemeet.rtc.rtcp import ReportBlock

# A report answers one of the last sender reports; anything older is no measurement of now.
_REMEMBERED = 16


class Reception:
    """Loss, round trip and progress of one stream, from report blocks. Monotonic times in seconds."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._reports_sent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self.round_trip: float | None = None
        self.fraction_lost: float | None = None
        self.packets_lost: int | None = None
        self.jitter: float | None = None
        self.highest: int | None = None
        self.acknowledged_at: float | None = None

    def report_sent(self, ntp: int, now: float) -> None:
        """A sender report with this NTP time left at `now`."""
        self._reports_sent.append((middle_bits(ntp), now))

    def receive(self, block: ReportBlock, now: float, *, last_sequence: int) -> None:
        """A report arrived at `now`, when the last packet sent had the 16-bit number `last_sequence`."""
        self.fraction_lost = block.fraction_lost / 256
        self.packets_lost = block.packets_lost
        self.jitter = block.jitter / self._clock_rate
        advanced = self.highest is None or block.highest_sequence > self.highest
        if advanced or block.highest_sequence & 0xFFFF == last_sequence:
            self.acknowledged_at = now
        self.highest = block.highest_sequence
        self._measure_round_trip(block, now)

    def _measure_round_trip(self, block: ReportBlock, now: float) -> None:
        if not block.last_report:
            return
        for middle, sent in self._reports_sent:
            if middle == block.last_report:
                round_trip = now - sent - block.delay / 65536
                # Rounding of the delay can make a round trip on loopback negative.
                self.round_trip = max(0.0, round_trip)
                return
