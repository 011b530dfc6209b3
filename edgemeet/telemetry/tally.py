"""What is counted over the life of the process. Plain numbers: no library, no clock."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# Seconds. A cut link is back within a few; the policy's pauses are 15 s and 120 s.
RECOVERY_BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0)
MEDIA_BOUNDS = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)


class Histogram:
    """Counts values up to each bound.

    Args:
        bounds: the upper ones, rising; values above the last are counted too.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Each bound with the number of values that are not above it, as Prometheus wants them."""
        found, total = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


@dataclass
class Tally:
    """Counters.

    Attributes:
        state_seconds: spent in each state.
        session_ends: by the code of the error that ended them.
        useless: times that a camera was frozen or black or a microphone silent, by kind and signal.
        recovery: seconds from the loss of a session to the next one that joined.
        token_to_media: seconds of each session.
    """

    state_seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    session_ends: Counter[str] = field(default_factory=Counter)
    useless: Counter[tuple[str, str]] = field(default_factory=Counter)
    recovery: Histogram = field(default_factory=lambda: Histogram(RECOVERY_BOUNDS))
    token_to_media: Histogram = field(default_factory=lambda: Histogram(MEDIA_BOUNDS))
