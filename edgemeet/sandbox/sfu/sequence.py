"""Sequence numbers: what is missing from a stream that comes in, one gapless row for one that goes out.

Numbers are 16 bits wide and wrap (RFC 3550).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_MAX_JUMP: Final = 1000  # a larger step forward is a restarted sender, not a loss worth asking for
_MAX_AGE: Final = 1000  # numbers further back than this are no longer told apart
RETRY_AFTER: Final = 0.05  # seconds until a packet is asked for again; a little above a LAN's round trip
MAX_TRIES: Final = 8  # requests for one packet before it is given up
MAX_PER_REQUEST: Final = 100  # so that a feedback packet stays below the path's MTU


def ahead(sequence: int, reference: int) -> int:
    """How far `sequence` is after `reference`, -32768 to 32767."""
    return ((sequence - reference + 0x8000) & 0xFFFF) - 0x8000


class Arrival(StrEnum):
    """What a packet is to a stream."""

    NEW = "new"
    RECOVERED = "recovered"  # it was missing and came late or again
    DUPLICATE = "duplicate"
    RESTART = "restart"  # so far from the last one that the stream begins anew


class GapTracker:
    """Finds the packets that are missing, and says when to ask for them."""

    def __init__(self) -> None:
        self._highest: int | None = None
        self._missing: dict[int, tuple[int, float]] = {}  # sequence -> times asked for, when to ask next

    @property
    def missing(self) -> frozenset[int]:
        """The packets that may still come."""
        return frozenset(self._missing)

    def receive(self, sequence: int, now: float) -> Arrival:
        """Take note of a packet that arrived at `now` seconds."""
        if self._highest is None:
            self._highest = sequence
            return Arrival.NEW
        step = ahead(sequence, self._highest)
        if abs(step) > _MAX_JUMP:
            self._highest = sequence
            self._missing.clear()
            return Arrival.RESTART
        if step <= 0:
            return Arrival.RECOVERED if self._missing.pop(sequence, None) is not None else Arrival.DUPLICATE
        for lost in range(self._highest + 1, self._highest + step):
            self._missing[lost & 0xFFFF] = (0, now)
        self._highest = sequence
        return Arrival.NEW

    def due(self, now: float) -> list[int]:
        """The packets to ask for at `now`, in order; those asked for too often are given up."""
        due: list[int] = []
        for sequence, (tries, next_time) in list(self._missing.items()):
            if next_time > now:
                continue
            if tries >= MAX_TRIES or len(due) >= MAX_PER_REQUEST:
                del self._missing[sequence]
                continue
            self._missing[sequence] = (tries + 1, now + RETRY_AFTER)
            due.append(sequence)
        return due


class SequenceRewriter:
    """Turns stretches of several incoming streams into one outgoing stream without gaps of its own making.

    A packet lost on the way in stays a gap on the way out: the receiver must learn of it.
    """

    def __init__(self, first: int) -> None:
        self._next = first & 0xFFFF
        self._offset: int | None = None
        self._start = 0
        self._highest = 0
        self._dropped: list[int] = []

    @property
    def highest_out(self) -> int:
        """The highest number given out so far."""
        return (self._next - 1) & 0xFFFF

    def start(self, sequence: int) -> None:
        """The next stretch begins with incoming `sequence`; it follows right after what went out before."""
        self._offset = (self._next - sequence) & 0xFFFF
        self._start = self._highest = sequence
        self._dropped.clear()

    def drop(self, sequence: int) -> None:
        """Incoming `sequence` is left out on purpose: close the gap."""
        if self._offset is None or ahead(sequence, self._highest) <= 0:
            return  # too late to renumber what went out already
        self._dropped.append(sequence)
        self._forget_old()

    def rewrite(self, sequence: int) -> int | None:
        """The outgoing number, or None for a packet from before the stretch or one that was dropped."""
        if self._offset is None or ahead(sequence, self._start) < 0 or sequence in self._dropped:
            return None
        before = sum(1 for dropped in self._dropped if ahead(dropped, sequence) < 0)
        out = (sequence + self._offset - before) & 0xFFFF
        if ahead(sequence, self._highest) > 0:
            self._highest = sequence
            if ahead(sequence, self._start) > 2 * _MAX_AGE:
                self._start = (sequence - _MAX_AGE) & 0xFFFF  # keep the comparison clear of the wrap
        if ahead(out, self._next) >= 0:
            self._next = (out + 1) & 0xFFFF
        return out

    def _forget_old(self) -> None:
        while self._dropped and ahead(self._dropped[-1], self._dropped[0]) > _MAX_AGE // 2:
            assert self._offset is not None
            self._start = (self._dropped.pop(0) + 1) & 0xFFFF
            self._offset = (self._offset - 1) & 0xFFFF
