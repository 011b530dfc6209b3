"""Statistics of a stream that is received: loss and jitter after RFC 3550, and a bitrate."""

from __future__ import annotations

from collections import deque
from typing import Final

from aiortc.rtp import RtcpReceiverInfo, clamp_packets_lost

from edgemeet.sandbox.sfu.sequence import ahead
from edgemeet.sandbox.sfu.timeline import SenderClock, middle_32

_WINDOW: Final = 1.0  # seconds over which a bitrate is taken
_BUCKET: Final = 0.05


class RateMeter:
    """Bits per second over the last second."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, size: int, now: float) -> None:
        """Count `size` bytes."""
        if self._buckets and now - self._buckets[-1][0] < _BUCKET:
            start, held = self._buckets[-1]
            self._buckets[-1] = (start, held + size)
        else:
            self._buckets.append((now, size))
        self._total += size
        self._expire(now)

    def bits_per_second(self, now: float) -> int:
        """The rate of the second before `now`."""
        self._expire(now)
        return round(self._total * 8 / _WINDOW)

    def _expire(self, now: float) -> None:
        while self._buckets and now - self._buckets[0][0] > _WINDOW:
            self._total -= self._buckets.popleft()[1]


class ReceptionStatistics:
    """What a receiver report says about one SSRC."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._base: int | None = None
        self._extended = 0
        self._received = 0
        self._expected_prior = 0
        self._received_prior = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self.fraction_lost = 0  # of 256, in the last reporting interval

    @property
    def packets_lost(self) -> int:
        """Packets expected and not received; negative when some came twice."""
        return clamp_packets_lost(self._expected - self._received)

    @property
    def _expected(self) -> int:
        return 0 if self._base is None else self._extended - self._base + 1

    @property
    def jitter_seconds(self) -> float:
        """The mean deviation of the packets' spacing."""
        return self._jitter / self._clock_rate

    def restart(self) -> None:
        """The sender began a new row of numbers."""
        self._base = None
        self._received = self._expected_prior = self._received_prior = 0

    def add(self, sequence: int, timestamp: int, now: float) -> None:
        """Count a packet that arrived at `now`."""
        self._received += 1
        if self._base is None:
            self._base = self._extended = sequence
            self._transit = None
        step = ahead(sequence, self._extended & 0xFFFF)
        if step > 0 or self._received == 1:
            self._extended += step
            self._add_transit(now * self._clock_rate - timestamp)

    def _add_transit(self, transit: float) -> None:
        if self._transit is not None:
            deviation = abs(transit - self._transit)
            if deviation < self._clock_rate * 10:  # the timestamp wrapped or the sender's clock was set
                self._jitter += (deviation - self._jitter) / 16
        self._transit = transit

    def report(self, ssrc: int, clock: SenderClock | None, now: float) -> RtcpReceiverInfo:
        """The report block for now; starts a new interval for the fraction lost."""
        expected = self._expected - self._expected_prior
        received = self._received - self._received_prior
        self._expected_prior, self._received_prior = self._expected, self._received
        lost = max(0, expected - received)
        self.fraction_lost = min(255, (lost << 8) // expected) if expected > 0 else 0
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=self.fraction_lost,
            packets_lost=self.packets_lost,
            highest_sequence=self._extended & 0xFFFF_FFFF,
            jitter=int(self._jitter),
            lsr=middle_32(clock.ntp) if clock else 0,
            dlsr=min(0xFFFF_FFFF, int((now - clock.arrived) * 65536)) if clock else 0,
        )
