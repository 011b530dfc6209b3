"""Time on the wire: NTP, sender reports, one steady RTP timeline for a consumer that changes encodings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970
_MAX_DISAGREEMENT: Final = 2.0  # seconds; sender reports further off than this are not believed


def to_ntp(unix_seconds: float) -> int:
    """The 64-bit NTP timestamp of a wall-clock time."""
    return int((unix_seconds + _NTP_EPOCH) * 2**32) & 0xFFFF_FFFF_FFFF_FFFF


def middle_32(ntp: int) -> int:
    """The part of an NTP timestamp that reports refer to."""
    return (ntp >> 16) & 0xFFFF_FFFF


def abs_send_time(seconds: float) -> bytes:
    """The 24 bits of the abs-send-time header extension: 6.18 fixed-point seconds."""
    return (int(seconds * 2**18) & 0xFF_FFFF).to_bytes(3, "big")


def timestamp_ahead(timestamp: int, reference: int) -> int:
    """How far `timestamp` is after `reference`, signed 32 bits."""
    return ((timestamp - reference + 2**31) & 0xFFFF_FFFF) - 2**31


@dataclass(frozen=True, slots=True)
class SenderClock:
    """The last sender report of an encoding: its wall clock and RTP clock at one moment.

    Attributes:
        arrived: monotonic seconds at which the report came in.
    """

    ntp: int
    rtp: int
    arrived: float

    def ntp_seconds_of(self, timestamp: int, clock_rate: int) -> float:
        """The sender's wall clock, in NTP seconds, at RTP `timestamp`."""
        return self.ntp / 2**32 + timestamp_ahead(timestamp, self.rtp) / clock_rate

    def at(self, now: float, clock_rate: int) -> tuple[int, int]:
        """The NTP and RTP timestamps for monotonic `now`."""
        age = max(0.0, now - self.arrived)
        return (self.ntp + int(age * 2**32)) & (2**64 - 1), (self.rtp + int(age * clock_rate)) & 0xFFFF_FFFF


class TimestampRewriter:
    """Moves RTP timestamps so that the outgoing timeline never jumps when the encoding changes."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self.offset = 0
        self._last_out: int | None = None
        self._last_time = 0.0
        self._last_in = 0
        self._clock: SenderClock | None = None

    def start(self, timestamp: int, now: float, clock: SenderClock | None) -> None:
        """Another encoding begins with incoming `timestamp`, arrived at monotonic `now`.

        `clock` is that encoding's sender report, if there was one. With the reports of both encodings the
        step is exact; else it is the time between the two packets' arrivals.
        """
        if self._last_out is not None:
            elapsed = self._elapsed(timestamp, now, clock)
            step = max(1, round(elapsed * self._clock_rate))
            self.offset = (self._last_out + step - timestamp) & 0xFFFF_FFFF
        self._clock = clock

    def _elapsed(self, timestamp: int, now: float, clock: SenderClock | None) -> float:
        by_arrival = now - self._last_time
        if clock is None or self._clock is None:
            return by_arrival
        by_report = clock.ntp_seconds_of(timestamp, self._clock_rate) - self._clock.ntp_seconds_of(
            self._last_in, self._clock_rate
        )
        return by_report if abs(by_report - by_arrival) < _MAX_DISAGREEMENT else by_arrival

    def rewrite(self, timestamp: int, now: float, clock: SenderClock | None) -> int:
        """The outgoing timestamp."""
        out = (timestamp + self.offset) & 0xFFFF_FFFF
        if self._last_out is None or timestamp_ahead(out, self._last_out) >= 0:
            self._last_out, self._last_in, self._last_time = out, timestamp, now
        self._clock = clock
        return out
