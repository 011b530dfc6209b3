"""What comes back from the media server: RTCP to the senders it is about, and to the estimate of the path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from edgemeet.rtc import rtcp
from edgemeet.rtc.estimator import BandwidthEstimator
from edgemeet.rtc.loss import LossMeter
from edgemeet.rtc.padding import Padding
from edgemeet.rtc.probing import Prober
from edgemeet.rtc.sender import Sender
from edgemeet.rtc.stream import FLOOR_BITRATE

logger = logging.getLogger(__name__)


class Feedback:
    """The receiving side of a transport, and the bandwidth that is divided by what it hears.

    Args:
        senders: of the transport; its owner adds to and takes from this list.
        clock: seconds, monotonic.
        sent: octets that have left so far.
        ceiling: the most that is ever sent, in bits per second.
        on_available_bitrate: called with every new estimate, in bits per second.
    """

    def __init__(
        self,
        senders: list[Sender],
        clock: Callable[[], float],
        *,
        sent: Callable[[], int] = lambda: 0,
        ceiling: int | None = None,
        on_available_bitrate: Callable[[int], None] | None = None,
    ) -> None:
        self._senders = senders
        self._clock = clock
        self._sent = sent
        self._on_available_bitrate = on_available_bitrate
        self.estimator = BandwidthEstimator(clock(), ceiling=ceiling)
        self.padding = Padding(self._filler)
        self._loss = LossMeter()
        self._prober = Prober()
        self._counted = (clock(), 0)  # when the loss was last taken, and the octets sent until then
        self.told_bitrate: int | None = None
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
        measured = False
        for entry in entries:
            if isinstance(entry, rtcp.BandwidthEstimate):
                self.told_bitrate = entry.bitrate
                self.estimator.told(entry.bitrate, now)
                measured = True
                continue
            for sender in list(self._senders):
                sender.receive(entry, now)
            if isinstance(entry, rtcp.ReportBlock) and self._counts(entry):
                self._loss.add(entry)
                measured = True
        if measured:
            self._estimate(now)

    def _counts(self, block: rtcp.ReportBlock) -> bool:
        """Whether a block is about our path alone. mediasoup's reports on sound with in-band FEC tell the
        loss of the worst viewer, so that the encoder can make up for it.
        """
        return any(sender.kind == "video" and sender.owns(block.ssrc) for sender in self._senders) or all(
            sender.kind == "audio" for sender in self._senders
        )

    def _estimate(self, now: float) -> None:
        fraction = self._loss.take()
        if fraction is not None:
            began, before = self._counted
            sent = self._sent()
            self._counted = (now, sent)
            rate = (sent - before) * 8 / max(now - began, 0.01)
            self.estimator.reported(
                fraction, now, acknowledged=rate * (1 - fraction), round_trip=self.round_trip
            )
        self.divide()
        if self._on_available_bitrate is not None:
            self._on_available_bitrate(self.estimator.value)

    @property
    def round_trip(self) -> float | None:
        """Seconds, the shortest of those last measured on each stream."""
        measured = [sender.round_trip for sender in self._senders if sender.round_trip is not None]
        return min(measured, default=None)

    def divide(self) -> None:
        """Sound first, the rest to the pictures, the lowest layer first; at least the floor for pictures."""
        now = self._clock()
        sound = sum(sender.target_bitrate for sender in self._senders if sender.kind == "audio")
        budget = max(self.estimator.value - sound, FLOOR_BITRATE)
        needed: int | None = None
        spent = sound
        for sender in self._senders:
            if sender.kind == "video":
                share = sender.divide(budget, now)
                missing = sender.next_return(now)
                if needed is None and missing is not None:
                    needed = spent + missing
                budget -= share
                spent += share
        padding = self._prober.rate(now, estimate=self.estimator.value, sending=spent, needed=needed)
        self.padding.set_rate(padding, now)

    def _filler(self, now: float) -> bytes | None:
        packets = (sender.padding(now) for sender in self._senders if sender.kind == "video")
        return next((packet for packet in packets if packet is not None), None)
