"""Packets that are sent only to fill a rate: repetitions over RTX, which receivers throw away. Sans-I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator

# Padding leaves in steps of so many seconds: a packet or two each.
_STEP = 0.02
# What was not sent in so many seconds is not made up for.
_LONGEST = 0.05


class Padding:
    """Spends a rate on packets of a source.

    Args:
        source: makes a packet for now; None when there is nothing to repeat.
    """

    def __init__(self, source: Callable[[float], bytes | None]) -> None:
        self._source = source
        self._rate = 0.0  # bytes per second
        self._credit = 0.0
        self._filled = 0.0
        self._until = float("inf")
        self.octets = 0

    def set_rate(self, bits_per_second: int, now: float) -> None:
        """Send at this rate from now on; 0 for nothing."""
        self._until = float("inf")
        if not self._rate:
            self._credit, self._filled = 0.0, now
        self._rate = bits_per_second / 8

    def burst(self, bits_per_second: int, seconds: float, now: float) -> None:
        """Send at this rate for so long, and then nothing."""
        self.set_rate(bits_per_second, now)
        self._until = now + seconds

    def packets(self, now: float) -> Iterator[bytes]:
        """Those that are due."""
        if now > self._until:
            self._rate = 0.0
        if not self._rate:
            return
        self._credit += self._rate * min(max(now - self._filled, 0.0), _LONGEST)
        self._filled = now
        while self._credit > 0:
            packet = self._source(now)
            if packet is None:
                self._credit = 0.0
                return
            self._credit -= len(packet)
            self.octets += len(packet)
            yield packet

    def wait(self, now: float) -> float | None:
        """Seconds until something is due; None when nothing will be."""
        return max(_STEP, -self._credit / self._rate) if self._rate else None
