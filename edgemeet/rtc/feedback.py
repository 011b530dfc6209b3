"""What comes back from the media server: RTCP to the senders it is about, and to the estimate of the path."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple

from edgemeet.rtc import rtcp
from edgemeet.rtc.clusters import ClusterProber, cluster_rate
from edgemeet.rtc.estimator import HIGH_LOSS, QUEUE_HOLD, BandwidthEstimator
from edgemeet.rtc.loss import LossMeter
from edgemeet.rtc.padding import Padding
from edgemeet.rtc.path import RtpSender
from edgemeet.rtc.probing import Prober
from edgemeet.rtc.stats import BandwidthFeedback
from edgemeet.rtc.stream import FLOOR_BITRATE
from edgemeet.rtc.transport_cc import ArrivalMeter, SentPackets, TransportFeedback

logger = logging.getLogger(__name__)


# Repairs are taken from what pictures have, up to this share.
MOST_REPAIRS = 0.3
# An estimate that falls to this share at once has come too late for the pictures on their way.
COLLAPSE = 0.5
# Seconds between two fresh starts: a collapse often comes in steps.
START_OVER_INTERVAL = 0.8


class _Counted(NamedTuple):
    """Totals at one moment."""

    at: float
    received: float  # packets of pictures, by the reports
    packets: int  # of pictures, sent
    octets: int  # of everything, sent


class Feedback:
    """The receiving side of a transport, and the bandwidth that is divided by what it hears.

    Args:
        senders: of the transport; its owner adds to and takes from this list.
        clock: seconds, monotonic.
        sent_packets: what has left with a number of transport-wide congestion control.
        sent: octets that have left so far.
        ceiling: the most that is ever sent, in bits per second.
        on_available_bitrate: called with every new estimate, in bits per second.
    """

    def __init__(
        self,
        senders: list[RtpSender],
        clock: Callable[[], float],
        sent_packets: SentPackets,
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
        self._arrivals = ArrivalMeter(sent_packets)
        self._transport_wide = False  # the receiver tells of each packet; reports say less, and later
        self._started_over = float("-inf")
        self._prober = Prober()
        self._clusters = ClusterProber()
        self._clear = False  # nothing queued and little was lost, when that was last told
        self._counted = _Counted(clock(), 0.0, 0, 0)
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
        measured = reported = False
        before = self.estimator.value
        for entry in entries:
            if isinstance(entry, rtcp.BandwidthEstimate):
                self.told_bitrate = entry.bitrate
                self.estimator.told(entry.bitrate, now)
                measured = True
                continue
            if isinstance(entry, TransportFeedback):
                self._transport_wide = True
                measured |= self._arrived(entry, now)
                continue
            for sender in list(self._senders):
                sender.receive(entry, now)
            if isinstance(entry, rtcp.ReportBlock) and self._counts(entry) and not self._transport_wide:
                self._loss.add(entry)
                reported = True
        if reported:
            self._reported(now)
        if measured or reported:
            self._moved(before, now)

    def _counts(self, block: rtcp.ReportBlock) -> bool:
        """Whether a block is about our path alone. mediasoup's reports on sound with in-band FEC tell the
        loss of the worst viewer, so that the encoder can make up for it.
        """
        return any(self._measures(sender) and sender.owns(block.ssrc) for sender in self._senders)

    def _measures(self, sender: RtpSender) -> bool:
        return sender.kind == "video" or all(other.kind == "audio" for other in self._senders)

    def _arrived(self, feedback: TransportFeedback, now: float) -> bool:
        arrival = self._arrivals.add(feedback, now)
        if arrival is not None:
            # The queue that a burst makes is no congestion.
            queue = min(arrival.queue, QUEUE_HOLD) if self._arrivals.in_burst(now) else arrival.queue
            self.estimator.reported(
                arrival.fraction_lost,
                now,
                acknowledged=arrival.rate,
                round_trip=self.round_trip,
                queue=queue,
                limited=arrival.limited,
            )
            self._clear = arrival.queue <= QUEUE_HOLD and arrival.fraction_lost <= HIGH_LOSS
        burst = self._arrivals.burst(now)
        if burst is not None:
            rate = self._clusters.measured(cluster_rate(burst), now)
            if rate is not None:
                self.estimator.probed(rate, now)
        self._probe(now)
        return arrival is not None or burst is not None

    def _probe(self, now: float) -> None:
        """Send a burst, if it is time to find out whether there is room."""
        wanted, cap = sum(sender.wanted_bitrate(now) for sender in self._senders), self.estimator.cap
        cluster = self._clusters.due(
            now,
            estimate=self.estimator.value,
            sending=sum(sender.target_bitrate for sender in self._senders),
            wanted=wanted if cap is None else min(wanted, cap),
            clear=self._clear,
        )
        if cluster is not None:
            self._arrivals.expect_burst(now, cluster.seconds)
            self.padding.burst(cluster.rate, cluster.seconds, now)

    def _reported(self, now: float) -> None:
        fraction = self._loss.take()
        if fraction is not None:
            self.estimator.reported(
                fraction, now, acknowledged=self._acknowledged(now), round_trip=self.round_trip
            )

    def _moved(self, before: int, now: float) -> None:
        """The estimate may be another one."""
        self.divide()
        used = sum(sender.maximum_bitrate for sender in self._senders)
        if (
            self.estimator.value <= COLLAPSE * min(before, used)
            and now - self._started_over >= START_OVER_INTERVAL
        ):
            self._started_over = now
            for sender in self._senders:
                sender.start_over(now)
        if self._on_available_bitrate is not None:
            self._on_available_bitrate(self.estimator.value)

    def _packets_sent(self) -> int:
        return sum(sender.packets_sent for sender in self._senders if self._measures(sender))

    def _acknowledged(self, now: float) -> float:
        """Bits per second that have arrived since this was asked before.

        Reports count packets of media. Sound, repetitions and padding arrive in the proportion in which
        they were sent with them.
        """
        before, after = (
            self._counted,
            _Counted(now, self._loss.received, self._packets_sent(), self._sent()),
        )
        self._counted = after
        packets = max(after.packets - before.packets, 1)
        octets = (after.octets - before.octets) / packets * (after.received - before.received)
        return octets * 8 / max(now - before.at, 0.01)

    @property
    def kind(self) -> BandwidthFeedback | None:
        """What the estimate is made of; the best of what the receiver has told."""
        if self._transport_wide:
            return "transport-cc"
        if self.told_bitrate is not None:
            return "goog-remb"
        return "reports" if self.last_at is not None else None

    @property
    def round_trip(self) -> float | None:
        """Seconds, the shortest of those last measured on each stream."""
        measured = [sender.round_trip for sender in self._senders if sender.round_trip is not None]
        return min(measured, default=None)

    def divide(self) -> None:
        """Sound first, then what repairs take, the rest to the pictures, the lowest layer first.

        Pictures have at least the floor.
        """
        now = self._clock()
        sound = sum(sender.target_bitrate for sender in self._senders if sender.kind == "audio")
        repairs = sum(sender.repeated_bitrate(now) for sender in self._senders)
        left = self.estimator.value - sound
        budget = max(round(left - min(repairs, MOST_REPAIRS * left)), FLOOR_BITRATE)
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
        if self._transport_wide:
            return
        padding = self._prober.rate(now, estimate=self.estimator.value, sending=spent, needed=needed)
        self.padding.set_rate(padding, now)

    def _filler(self, now: float) -> bytes | None:
        packets = (sender.padding(now) for sender in self._senders if sender.kind == "video")
        return next((packet for packet in packets if packet is not None), None)
