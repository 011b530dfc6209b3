"""Transport-wide feedback for one producing transport: which numbers arrived, and when.

The format is draft-holmer-rmcat-transport-wide-cc-extensions-01's; mediasoup sends it every 100 ms too.
"""

from __future__ import annotations

from collections.abc import Mapping
from struct import pack
from typing import Final

from edgemeet.sandbox.sfu.sequence import ahead

INTERVAL: Final = 0.1  # seconds between two feedback packets
_FORMAT: Final = 15
_TICKS: Final = 4000  # of a delta, in one second
_REFERENCE: Final = 256  # ticks of the reference time: 64 ms
_PER_CHUNK: Final = 7  # symbols of two bits
_MOST: Final = 400  # packets in one feedback; the rest is the next one's


class TransportFeedback:
    """A feedback packet as `MediaTransport.send_rtcp` takes it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bytes__(self) -> bytes:
        return self._data


class Arrivals:
    """Collects arrivals and makes the feedback about them."""

    def __init__(self) -> None:
        self._arrived: dict[int, float] = {}  # by number
        self._next: int | None = None  # the first number not told about
        self._count = 0
        self._sent = 0.0
        self._ssrc = 0

    def add(self, number: int, now: float, ssrc: int) -> None:
        """Packet `number`, 16 bits, of stream `ssrc` arrived at `now`."""
        if self._next is None or ahead(number, self._next) < 0:
            self._next = number
        self._arrived.setdefault(number, now)
        self._ssrc = ssrc

    def due(self, now: float, ssrc: int) -> TransportFeedback | None:
        """The feedback of the receiver `ssrc`, when it is time and something has arrived."""
        if now - self._sent < INTERVAL or not self._arrived or self._next is None:
            return None
        self._sent = now
        first = self._next
        last = max(ahead(number, first) for number in self._arrived)
        count = min(last + 1, _MOST)
        told = {
            offset: arrived
            for offset in range(count)
            if (arrived := self._arrived.pop((first + offset) & 0xFFFF, None)) is not None
        }
        self._next = (first + count) & 0xFFFF
        if not told:
            return None
        self._count = (self._count + 1) & 0xFF
        return TransportFeedback(feedback(first, count, told, number=self._count, ssrcs=(ssrc, self._ssrc)))


def feedback(
    first: int, count: int, arrived: Mapping[int, float], *, number: int, ssrcs: tuple[int, int]
) -> bytes:
    """One feedback packet.

    Args:
        first: number of the first packet it tells of.
        count: packets it tells of.
        arrived: seconds of arrival by distance from `first`; the others did not. Not empty.
        number: of this feedback, 8 bits.
        ssrcs: of who sends it, and of a stream that it is about.
    """
    ticks = {offset: round(at * _TICKS) for offset, at in arrived.items()}
    reference = min(ticks.values()) // _REFERENCE
    before = reference * _REFERENCE
    symbols, deltas = [0] * count, b""
    for offset in sorted(ticks):
        delta = ticks[offset] - before
        before = ticks[offset]
        small = 0 <= delta <= 0xFF
        symbols[offset] = 1 if small else 2
        deltas += (
            delta.to_bytes(1, "big")
            if small
            else max(-0x8000, min(delta, 0x7FFF)).to_bytes(2, "big", signed=True)
        )
    chunks = b"".join(_chunk(symbols[at : at + _PER_CHUNK]) for at in range(0, count, _PER_CHUNK))
    body = pack("!IIHH", *ssrcs, first, count) + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((number,))
    body += chunks + deltas
    body += bytes(-len(body) % 4)
    return pack("!BBH", 0x80 | _FORMAT, 205, len(body) // 4) + body


def _chunk(symbols: list[int]) -> bytes:
    value = 0xC000
    for place, symbol in enumerate(symbols):
        value |= symbol << 12 - 2 * place
    return value.to_bytes(2, "big")
