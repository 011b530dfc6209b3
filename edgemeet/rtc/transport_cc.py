"""Transport-wide congestion control: which packet arrived when.

The format is draft-holmer-rmcat-transport-wide-cc-extensions-01's.

Every packet of a transport carries a number of its own; the receiver tells about ten times a second which
numbers have arrived, and when on its clock. No I/O here, and no estimate.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from struct import unpack_from

from edgemeet.rtc.clusters import Told

_TICK = 0.00025  # of a delta, in seconds
_REFERENCE = 0.064  # of the reference time
_SMALL, _LARGE = 1, 2
# Feedback about packets that left longer ago than this is not waited for.
_REMEMBERED = 4096
# Seconds over which the rate of arrival is taken.
_RATE_WINDOW = 0.5
# The shortest way is looked for in so many periods of so many seconds: drift of the two clocks, and a change
# of the way, are forgotten after half a minute.
_PERIOD = 5.0
_PERIODS = 6
# A report is due after this many packets and seconds, or after the longer time with whatever there is.
_ENOUGH = 20
_SHORTEST, _LONGEST = 0.2, 1.0
# More loss than this within a report is a change.
_CHANGED = 0.1
# Arriving at less than this share of the rate they left with, packets are held up.
_LIMITED = 0.8
# Seconds in which the queue of a burst drains, and its feedback comes.
_BURST_AFTERMATH = 0.6
# The queue is what none of so many latest packets was spared. A receiver that was busy for a moment tells of
# many that waited, but its latest did not; where a queue grows, those waited longest.
_LATEST = 5
# Waiting time, in seconds, that is reported as soon as the shorter time is over.
URGENT_QUEUE = 0.05


class FeedbackMalformed(ValueError):
    """What was received is not transport-wide feedback."""


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """One feedback packet.

    Attributes:
        first: number of the first packet it tells of, 16 bits.
        arrivals: of it and the following ones, seconds on the receiver's clock; None for not arrived.
    """

    first: int
    arrivals: tuple[float | None, ...]


def parse_feedback(body: bytes) -> TransportFeedback:
    """The feedback control information with the two SSRCs before it.

    Raises:
        FeedbackMalformed: it is truncated.
    """
    if len(body) < 16:
        raise FeedbackMalformed("a truncated header")
    first, count = unpack_from("!HH", body, 8)
    reference = int.from_bytes(body[12:15], "big", signed=True)
    symbols: list[int] = []
    position = 16
    while len(symbols) < count:
        if position + 2 > len(body):
            raise FeedbackMalformed("too few status chunks")
        (chunk,) = unpack_from("!H", body, position)
        position += 2
        symbols += _symbols(chunk, count - len(symbols))
    return TransportFeedback(first, _arrivals(symbols, body, position, reference * _REFERENCE))


def _symbols(chunk: int, most: int) -> list[int]:
    if not chunk & 0x8000:
        return [chunk >> 13 & 3] * min(chunk & 0x1FFF, most)
    if chunk & 0x4000:
        return [chunk >> shift & 3 for shift in range(12, -1, -2)][:most]
    return [chunk >> shift & 1 for shift in range(13, -1, -1)][:most]


def _arrivals(symbols: list[int], body: bytes, position: int, at: float) -> tuple[float | None, ...]:
    arrivals: list[float | None] = []
    for symbol in symbols:
        size = {_SMALL: 1, _LARGE: 2}.get(symbol, 0)
        if position + size > len(body):
            raise FeedbackMalformed("too few deltas")
        if size:
            at += int.from_bytes(body[position : position + size], "big", signed=size == 2) * _TICK
        arrivals.append(at if size else None)
        position += size
    return tuple(arrivals)


class SentPackets:
    """Numbers packets as they leave, and remembers when that was."""

    def __init__(self) -> None:
        self._next = 0  # unbounded
        self._packets: dict[int, tuple[float, int]] = {}

    def number(self, now: float, size: int) -> int:
        """The 16-bit number of a packet of `size` bytes that leaves at `now`."""
        number = self._next
        self._next += 1
        self._packets[number] = (now, size)
        self._packets.pop(number - _REMEMBERED, None)
        return number & 0xFFFF

    def take(self, number: int) -> tuple[float, int] | None:
        """When the packet with this 16-bit number left, and its size; None if that was asked already."""
        behind = (self._next - 1 - number) & 0xFFFF
        return self._packets.pop(self._next - 1 - behind, None)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the last packets met.

    Attributes:
        fraction_lost: 0 to 1.
        rate: bits per second that arrived.
        queue: seconds that the latest packets waited on the way, all of them.
        limited: they arrived more slowly than they left, so `rate` is what the path carries.
    """

    fraction_lost: float
    rate: float
    queue: float
    limited: bool


class ArrivalMeter:
    """Sums feedback up to `Arrival`s, a few in a second."""

    def __init__(self, sent: SentPackets) -> None:
        self._sent = sent
        self._arrived: deque[tuple[float, int]] = deque()
        self._shortest: deque[tuple[float, float]] = deque(maxlen=_PERIODS)  # begin of a period, its minimum
        self._newest_told = float("-inf")
        self._counted = self._lost = 0
        self._taken: float | None = None
        self._ways: list[float] = []
        self._left: list[tuple[float, int]] = []
        self._burst: tuple[float, float] | None = None  # when it begins and ends
        self._burst_told = False
        self._burst_packets: list[Told] = []

    def expect_burst(self, now: float, seconds: float) -> None:
        """What leaves within `seconds` from now on is measured apart."""
        self._burst, self._burst_told = (now, now + seconds), False
        self._burst_packets.clear()

    def in_burst(self, now: float) -> bool:
        """Whether a burst, or the queue that it leaves, is on its way."""
        return self._burst is not None and now < self._burst[1] + _BURST_AFTERMATH

    def burst(self, now: float) -> tuple[Told, ...] | None:
        """The packets of a burst, once, when all of them are told of or nothing more will be."""
        if self._burst is None or self._burst_told:
            return None
        end = self._burst[1]
        if now < end + _BURST_AFTERMATH and self._newest_told <= end:
            return None
        self._burst_told = True
        return tuple(self._burst_packets)

    def add(self, feedback: TransportFeedback, now: float) -> Arrival | None:
        """Take feedback that came at `now`; what it amounts to, when that is worth telling."""
        if self._taken is None:
            self._taken = now
        for offset, arrival in enumerate(feedback.arrivals):
            packet = self._sent.take((feedback.first + offset) & 0xFFFF)
            if packet is None:
                continue
            self._counted += 1
            self._left.append(packet)
            self._note_burst(packet, arrival)
            if arrival is None:
                self._lost += 1
                continue
            left, size = packet
            self._arrived.append((arrival, size))
            self._note_way(arrival - left, now)
        return self._take(now)

    def _note_burst(self, packet: tuple[float, int], arrival: float | None) -> None:
        left, size = packet
        self._newest_told = max(self._newest_told, left)
        if self._burst is not None and self._burst[0] <= left <= self._burst[1]:
            self._burst_packets.append(Told(left, arrival, size))

    def _note_way(self, way: float, now: float) -> None:
        self._ways.append(way)
        if not self._shortest or now - self._shortest[-1][0] >= _PERIOD:
            self._shortest.append((now, way))
        elif way < self._shortest[-1][1]:
            self._shortest[-1] = (self._shortest[-1][0], way)

    def _take(self, now: float) -> Arrival | None:
        assert self._taken is not None
        since = now - self._taken
        if since < _SHORTEST or not self._counted:
            return None
        queue = 0.0
        if self._ways:
            queue = min(self._ways[-_LATEST:]) - min(way for _, way in self._shortest)
        if self._counted < _ENOUGH and since < _LONGEST and queue < URGENT_QUEUE:
            return None
        fraction_lost = self._lost / self._counted
        rate = self._rate(_RATE_WINDOW)
        if fraction_lost > _CHANGED or queue > URGENT_QUEUE:
            # The path has just become another one: what arrived before that says nothing.
            rate = min(rate, self._rate(_SHORTEST))
        arrival = Arrival(fraction_lost, rate, queue, limited=rate < _LIMITED * self._sent_rate())
        self._left.clear()
        self._counted = self._lost = 0
        self._ways.clear()
        self._taken = now
        return arrival

    def _sent_rate(self) -> float:
        octets = sum(size for _, size in self._left[1:])
        return octets * 8 / max(self._left[-1][0] - self._left[0][0], _SHORTEST)

    def _rate(self, window: float) -> float:
        if not self._arrived:
            return 0.0
        newest = self._arrived[-1][0]
        while newest - self._arrived[0][0] > _RATE_WINDOW:
            self._arrived.popleft()
        octets, oldest = 0, newest
        for arrival, size in reversed(self._arrived):
            if newest - arrival > window:
                break
            octets, oldest, first = octets + size, min(oldest, arrival), size
        # The first packet ends what came before the window and is not of it.
        return (octets - first) * 8 / max(newest - oldest, 0.05)
