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
# Not above this multiple of what has arrived: more was never tried.
HEADROOM = 1.5
_SPARE = 10_000  # bits per second, so that a pause is not the end of all growth
# A second reduction waits until the first one can have had an effect: this and a round trip, in seconds.
_DECREASE_INTERVAL = 0.3
# While so young, a transport believes an estimate that is higher than its own.
_START_PHASE = 2.0
# Growth is counted for at most so many seconds without a report.
_MAX_STEP = 1.5
# A queue on the way: a round trip so many seconds above the shortest ends growth, or asks for less.
_QUEUE_HOLD = 0.06
_QUEUE_FULL = 0.2
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
        self._reduced = float("-inf")
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

    def reported(
        self, fraction_lost: float, now: float, *, acknowledged: float, round_trip: float | None = None
    ) -> None:
        """A receiver report came.

        Args:
            fraction_lost: 0 to 1, of what was sent since the report before.
            now: seconds.
            acknowledged: bits per second that have arrived since then.
            round_trip: seconds, if measured.
        """
        step = min(max(now - self._moved, 0.0), _MAX_STEP)
        self._moved = now
        queue = self._queue(round_trip)
        if fraction_lost > LOW_LOSS:
            self._lossless = False
        if fraction_lost > HIGH_LOSS or queue > _QUEUE_FULL:
            if now - self._reduced >= _DECREASE_INTERVAL + (round_trip or 0.0):
                self._reduced = now
                self._reduce(fraction_lost, queue, acknowledged)
        elif fraction_lost < LOW_LOSS and queue <= _QUEUE_HOLD:
            proven = HEADROOM * acknowledged + _SPARE
            self._value = max(self._value, min(self._value * GROWTH**step, proven))
        self._clamp()

    def _reduce(self, fraction_lost: float, queue: float, acknowledged: float) -> None:
        if fraction_lost > HIGH_LOSS:
            self._value *= 1 - 0.5 * fraction_lost
        if fraction_lost > OVERLOAD:
            self._value = min(self._value, acknowledged)
        if queue > _QUEUE_FULL:
            # What arrives is what the path carries; a sender that sends less than it may is not to blame.
            self._value = min(self._value, max(_DRAIN * acknowledged, 0.5 * self._value))

    def _queue(self, round_trip: float | None) -> float:
        """Seconds that packets seem to wait on the way."""
        if round_trip is None:
            return 0.0
        self._round_trips.append(round_trip)
        return round_trip - min(self._round_trips)

    def _clamp(self) -> None:
        for cap in (self._told, self._ceiling):
            if cap is not None:
                self._value = min(self._value, cap)
        self._value = max(self._value, self._floor)
