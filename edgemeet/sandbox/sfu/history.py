"""What a consumer was sent a moment ago, to answer its NACKs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

SIZE: Final = 1024  # packets; about three seconds of video at 3 Mb/s
_AGAIN_AFTER: Final = 0.02  # seconds; two NACKs closer than this ask for the same loss


class History:
    """Recent packets by sequence number."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._packets: OrderedDict[int, tuple[bytes, float]] = OrderedDict()

    def add(self, sequence: int, packet: bytes) -> None:
        """Keep a packet that is being sent; the oldest is forgotten."""
        self._packets.pop(sequence, None)
        self._packets[sequence] = (packet, float("-inf"))
        if len(self._packets) > self._size:
            self._packets.popitem(last=False)

    def take(self, sequence: int, now: float) -> bytes | None:
        """The packet to send again, or None when it is not known or was sent again just now."""
        packet, sent_again = self._packets.get(sequence, (None, 0.0))
        if packet is None or now - sent_again < _AGAIN_AFTER:
            return None
        self._packets[sequence] = (packet, now)
        return packet
