"""Why a layer is not all that it could be, as W3C's `qualityLimitationReason`. No clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "cpu" is W3C's fourth: it is never told, because the sender does not see what an encoder leaves out.
QualityReason = Literal["none", "bandwidth", "other"]

# An encoder is not asked for each bit: less than this share of the most is a limit.
_NEAR = 0.95


@dataclass(frozen=True, slots=True)
class QualityDurations:
    """Seconds that each reason has held, since the first was known."""

    none: float = 0.0
    bandwidth: float = 0.0
    other: float = 0.0


def quality_reason(target: int, maximum: int, *, wanted: bool) -> QualityReason:
    """Why a layer of at most `maximum` bits per second aims at `target`.

    "other" is a layer that nobody watches.
    """
    if not wanted:
        return "other"
    return "none" if target >= _NEAR * maximum else "bandwidth"


class QualityLimit:
    """The reason that holds, and how long each one has."""

    def __init__(self) -> None:
        self.reason: QualityReason = "none"
        self._since: float | None = None
        self._spent: dict[QualityReason, float] = {"none": 0.0, "bandwidth": 0.0, "other": 0.0}

    def note(self, reason: QualityReason, now: float) -> None:
        """It holds from now on, or still."""
        self._count(now)
        self.reason = reason

    def durations(self, now: float) -> QualityDurations:
        """Up to now."""
        if self._since is not None:
            self._count(now)
        return QualityDurations(**self._spent)

    def _count(self, now: float) -> None:
        if self._since is not None:
            self._spent[self.reason] += max(0.0, now - self._since)
        self._since = now
