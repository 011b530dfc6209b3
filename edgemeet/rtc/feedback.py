"""What comes back from the media server: RTCP to the senders it is about, bandwidth divided among them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from edgemeet.rtc import rtcp
from edgemeet.rtc.allocation import allocate
from edgemeet.rtc.sender import Sender
from edgemeet.rtc.stream import FLOOR_BITRATE

logger = logging.getLogger(__name__)


class Feedback:
    """The receiving side of a transport.

    Args:
        senders: of the transport; its owner adds to and takes from this list.
        clock: seconds, monotonic.
        on_available_bitrate: called with every estimate of the receiver, in bits per second.
    """

    def __init__(
        self,
        senders: list[Sender],
        clock: Callable[[], float],
        on_available_bitrate: Callable[[int], None] | None,
    ) -> None:
        self._senders = senders
        self._clock = clock
        self._on_available_bitrate = on_available_bitrate
        self.available_bitrate: int | None = None
        self.last_at: float | None = None
        self.packets = 0
        self.malformed = 0

    def receive(self, data: bytes) -> None:
        """Act on a compound RTCP packet. Never raises: in aiortc's receiving task that would be the end."""
        now = self._clock()
        self.packets += 1
        try:
            entries = rtcp.parse(data)
        except rtcp.RtcpMalformed:
            self.malformed += 1
            return
        self.last_at = now
        try:
            self._act(entries, now)
        except Exception:
            logger.exception("feedback of the media server could not be acted on")

    def _act(self, entries: Sequence[rtcp.Feedback], now: float) -> None:
        for entry in entries:
            if isinstance(entry, rtcp.BandwidthEstimate):
                self._estimated(entry.bitrate)
            else:
                for sender in list(self._senders):
                    sender.receive(entry, now)

    def _estimated(self, bitrate: int) -> None:
        self.available_bitrate = bitrate
        if self._on_available_bitrate is not None:
            self._on_available_bitrate(bitrate)
        self.divide()

    def divide(self) -> None:
        """Sound first, the rest to the pictures, the lowest layer first; at least the floor for pictures."""
        if self.available_bitrate is None:
            return
        sound = sum(sender.target_bitrate for sender in self._senders if sender.kind == "audio")
        budget = max(self.available_bitrate - sound, FLOOR_BITRATE)
        for sender in self._senders:
            if sender.kind == "video":
                shares = allocate(budget, sender.limits)
                budget -= sum(shares)
                sender.apply(shares)
