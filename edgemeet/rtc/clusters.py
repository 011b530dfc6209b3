"""Short bursts that show at once whether the path carries more. Sans-I/O.

Where the receiver tells when each packet arrived, a quarter of a second is enough to measure a rate: packets
that leave at 2 Mb/s and arrive at 0.9 have met a path of 0.9. Growth of 8 % a second takes twenty seconds
from 300 kb/s to what VideoSDK's top layer needs; libwebrtc's probe clusters and these take a few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Twice the estimate, as libwebrtc. At most this much above what all layers need.
_FACTOR = 2.0
_ENOUGH = 1.1
# A burst of padding is so many bits, and takes so many seconds. A path of 300 kb/s queues 100 ms of it.
_BITS = 80_000
_SHORTEST, _LONGEST = 0.1, 0.4
# Home routers let the first few kilobytes through at any rate: what left in the first half is not counted.
_COUNTED_FROM = 0.5
# After a burst that showed more, the next one follows.
_AGAIN_AFTER = 1.0
# Seconds after a fall of the estimate or a burst in vain; twice as long after the next one.
FIRST_REST = 5.0
LONGEST_REST = 20.0
# A burst that shows less than this multiple of the estimate was in vain.
_WORTH = 1.1
# Padding below this rate measures nothing.
_LEAST = 50_000
# A measurement needs so many packets, and this share of them arrived.
_PACKETS = 5
_ARRIVED = 0.8
# Arriving at less than this share of the rate they left with, packets show what the path carries (libwebrtc).
_HELD_UP = 0.9
# So much of that is used, because the queue has to drain. libwebrtc takes 0.95.
_USED = 0.85


class Cluster(NamedTuple):
    """A burst: padding in bits per second, for so many seconds."""

    rate: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """What feedback says of one packet: seconds on the sender's and the receiver's clock; None for lost."""

    left: float
    arrived: float | None
    size: int  # bytes


class Shown(NamedTuple):
    """Bits per second that the path carries; `limited` when it carries no more."""

    rate: int
    limited: bool


def cluster_rate(packets: Sequence[Told]) -> Shown | None:
    """What the packets of a burst show of the path; None when they show nothing."""
    if not packets:
        return None
    begin = min(packet.left for packet in packets)
    end = max(packet.left for packet in packets)
    packets = [packet for packet in packets if packet.left >= begin + _COUNTED_FROM * (end - begin)]
    arrived = [packet for packet in packets if packet.arrived is not None]
    if len(arrived) < _PACKETS or len(arrived) < _ARRIVED * len(packets):
        return None
    left = sorted((packet.left, packet.size) for packet in arrived)
    came = sorted((packet.arrived or 0.0, packet.size) for packet in arrived)
    sent_for, received_for = left[-1][0] - left[0][0], came[-1][0] - came[0][0]
    if sent_for < _SHORTEST / 4 or received_for <= 0:
        return None
    # The last packet left after the time that is counted, the first one arrived before it.
    sent = 8 * sum(size for _, size in left[:-1]) / sent_for
    received = 8 * sum(size for _, size in came[1:]) / received_for
    limited = received < _HELD_UP * sent
    return Shown(round(_USED * received if limited else min(sent, received)), limited)


class ClusterProber:
    """Decides when a burst is sent."""

    def __init__(self) -> None:
        self._next = 0.0
        self._rest = FIRST_REST
        self._estimate = 0
        self._waiting = False
        self._first_shown: int | None = None  # by a burst that the next one is to confirm

    def due(self, now: float, *, estimate: int, sending: int, wanted: int, clear: bool) -> Cluster | None:
        """The burst to send now.

        Args:
            now: seconds, monotonic.
            estimate: bits per second that the path is believed to carry.
            sending: bits per second, without the burst.
            wanted: what all layers together could use.
            clear: nothing queues on the way.
        """
        if estimate < 0.97 * self._estimate:
            self._next = max(self._next, now + FIRST_REST)
            self._first_shown = None
        self._estimate = estimate
        if self._waiting or estimate >= wanted or not clear or now < self._next:
            return None
        padding = round(min(_FACTOR * estimate, _ENOUGH * wanted)) - sending
        if padding < _LEAST:
            return None
        self._waiting = True
        return Cluster(padding, min(max(_BITS / padding, _SHORTEST), _LONGEST))

    def measured(self, shown: Shown | None, now: float) -> int | None:
        """Take what the burst has shown; answers the rate to believe in, or None.

        Two bursts must show it: a receiver that was busy for a moment tells of packets that came all at once.
        """
        self._waiting = False
        if shown is None or shown.limited or shown.rate < _WORTH * self._estimate:
            self._first_shown = None
            self._next = now + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
            return None
        before, self._first_shown = self._first_shown, shown.rate
        self._rest, self._next = FIRST_REST, now + _AGAIN_AFTER
        return None if before is None else min(before, shown.rate)
