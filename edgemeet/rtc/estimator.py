"""How much the path can carry: from what the receiver tells, fast down and slowly up. No I/O, no clock.

The rules are those of Google's congestion control (draft-ietf-rmcat-gcc-02, section 6) for a sender whose
receiver measures delay and tells the result by REMB; numbers without a source of their own are from there.
"""

from __future__ import annotations

from collections import deque

# What is tried before anything is known: the sum of VideoSDK's layers for 720p, and some. The first report
# comes after a second and corrects it.
START = 2_500_000
# Sound and the smallest picture; below this there is nothing to send.
FLOOR = 100_000
# Loss above which there is too much, and below which there is room.
HIGH_LOSS = 0.10
LOW_LOSS = 0.02
# More loss than chance explains: the path carries what arrives and not a bit more.
OVERLOAD = 0.30
GROWTH = 1.08  # per second
CAREFUL_GROWTH = 1.03  # per second
# That is near the rate at which the path was congested within so many seconds.
_NEAR = 0.8
_CONGESTION_REMEMBERED = 30.0
# Not above this multiple of what has arrived: more was never tried.
HEADROOM = 1.5
_SPARE = 10_000  # bits per second, so that a pause is not the end of all growth
# A second reduction waits until the first one can have had an effect: this and a round trip, in seconds.
_DECREASE_INTERVAL = 0.3
# After an overload it is this: reports and encoders still speak of the time before, and what was lost then is
# asked for again.
_OVERLOAD_INTERVAL = 1.5
# One reduction takes at most this share, unless it is the first to meet an overload.
_LEAST_LEFT = 0.5
# While so young, a transport believes an estimate that is higher than its own.
_START_PHASE = 2.0
# Growth is counted for at most so many seconds without a report.
_MAX_STEP = 1.5
# A queue on the way: so many seconds of waiting end growth, or ask for less. Home routers hold more.
QUEUE_HOLD, _QUEUE_FULL = 0.03, 0.07
# The same where it is taken from single round trips, which radio links spread.
_ROUND_TRIP_HOLD, _ROUND_TRIP_FULL = 0.06, 0.15
# An overload so many seconds after another one is its aftermath.
_RELAPSE = 5.0
# Seconds that a queue is waited for to drain.
_LONGEST_QUEUE = 0.5
# Less, when the queue must drain: GCC's beta.
_DRAIN = 0.85
# The shortest round trip counts for so many reports; then the path may have become another.
_ROUND_TRIPS = 60


class BandwidthEstimator:
    """An estimate in bits per second for all that is sent over one transport.

    Args:
        now: seconds, monotonic, as in all methods.
        start: the estimate before anything is heard.
        floor: the least it can be.
        ceiling: the most it can be; None for no bound but the receiver's.
    """

    def __init__(
        self, now: float, *, start: int = START, floor: int = FLOOR, ceiling: int | None = None
    ) -> None:
        self._floor = floor
        self._ceiling = None if ceiling is None else max(ceiling, floor)
        self._value = float(start)
        self._told: int | None = None
        self._began = now
        self._moved = now  # the last report that growth was counted to
        self._next_reduction = float("-inf")
        self._overloaded = self._congested_at = float("-inf")
        self._congested_rate = 0.0
        self._last_queue = 0.0
        self._round_trips: deque[float] = deque(maxlen=_ROUND_TRIPS)
        self._lossless = True
        self._clamp()

    @property
    def value(self) -> int:
        """Bits per second."""
        return int(self._value)

    def told(self, bitrate: int, now: float) -> None:
        """The receiver told its own estimate (REMB). It is a cap at once; it lifts only a young transport."""
        self._told = bitrate
        if self._lossless and now - self._began < _START_PHASE:
            self._value = max(self._value, float(bitrate))
        self._clamp()

    @property
    def cap(self) -> int | None:
        """Bits per second that the estimate cannot exceed, whatever the path carries; None for no bound."""
        return min((cap for cap in (self._told, self._ceiling) if cap is not None), default=None)

    def probed(self, rate: int, now: float) -> None:
        """A burst has shown that the path carries `rate`, in bits per second.

        A rate near that of the last congestion is no news, and growth goes there carefully.
        """
        known = now - self._congested_at < _CONGESTION_REMEMBERED
        if not known or rate > self._congested_rate / _NEAR:
            self._value = max(self._value, float(rate))
            self._clamp()

    def reported(
        self,
        fraction_lost: float,
        now: float,
        *,
        acknowledged: float,
        round_trip: float | None = None,
        queue: float | None = None,
        limited: bool | None = None,
    ) -> None:
        """A report of what arrived came: a receiver report, or transport-wide feedback.

        Args:
            fraction_lost: 0 to 1, of what was sent since the report before.
            now: seconds.
            acknowledged: bits per second that have arrived since then.
            round_trip: seconds, if measured.
            queue: seconds that packets waited on the way, if measured; else it is taken from the round trip.
            limited: `acknowledged` is all that the path carries, and not what happened to be sent; when
                absent that is concluded from loss.
        """
        step = min(max(now - self._moved, 0.0), _MAX_STEP)
        self._moved = now
        latest, lasting = self._waiting(round_trip)
        if queue is None:
            queue, hold, full = latest, _ROUND_TRIP_HOLD, _ROUND_TRIP_FULL
        else:
            lasting, hold, full = queue, QUEUE_HOLD, _QUEUE_FULL
        draining = queue < 0.95 * self._last_queue
        self._last_queue = queue
        if fraction_lost > LOW_LOSS:
            self._lossless = False
        if fraction_lost > HIGH_LOSS or (lasting > full and not draining):
            if now >= self._next_reduction:
                overload = fraction_lost > OVERLOAD if limited is None else limited
                self._reduce(now, fraction_lost, acknowledged, congested=lasting > full, overload=overload)
                interval = _OVERLOAD_INTERVAL if overload else _DECREASE_INTERVAL
                self._next_reduction = now + interval + (round_trip or 0.0) + min(queue, _LONGEST_QUEUE)
        elif fraction_lost < LOW_LOSS and queue <= hold:
            growth = CAREFUL_GROWTH if self._is_near(now) else GROWTH
            proven = HEADROOM * acknowledged + _SPARE
            self._value = max(self._value, min(self._value * growth**step, proven))
        self._clamp()

    def near_congestion(self, now: float) -> bool:
        """Whether the path was congested a moment ago, at a rate about this high or lower."""
        known = now - self._congested_at < _CONGESTION_REMEMBERED
        return known and self._value < self._congested_rate / _NEAR

    def _is_near(self, now: float) -> bool:
        return self.near_congestion(now) and self._value > _NEAR * self._congested_rate

    def _reduce(
        self, now: float, fraction_lost: float, acknowledged: float, *, congested: bool, overload: bool
    ) -> None:
        value = self._value
        if fraction_lost > HIGH_LOSS:
            value *= 1 - 0.5 * fraction_lost
        if fraction_lost > OVERLOAD or congested:
            value = min(value, _DRAIN * acknowledged)
            self._congested_at, self._congested_rate = now, acknowledged
        # What arrives is what the path carries. But repetitions of what was lost take their part of it, and a
        # sender may send less than it is allowed to: only the first sight of an overload is believed whole.
        first = overload and now - self._overloaded > _RELAPSE
        self._value = value if first else max(value, _LEAST_LEFT * self._value)
        if overload:
            self._overloaded = now

    def _waiting(self, round_trip: float | None) -> tuple[float, float]:
        """Seconds that packets seem to wait on the way: of the latest round trip, and of the last two alike.

        A single long one is a machine that was busy, or a radio that tried again.
        """
        if round_trip is None:
            return 0.0, 0.0
        before = self._round_trips[-1] if self._round_trips else round_trip
        self._round_trips.append(round_trip)
        shortest = min(self._round_trips)
        return round_trip - shortest, min(before, round_trip) - shortest

    def _clamp(self) -> None:
        for cap in (self._told, self._ceiling):
            if cap is not None:
                self._value = min(self._value, cap)
        self._value = max(self._value, self._floor)
