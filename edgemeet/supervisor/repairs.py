"""How often media was made anew within one session, and whether it is being made anew now. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# Media that moved for so many seconds after a repair was repaired.
REPAIRED_AFTER: Final = 30.0


class Repairs:
    """Counts them.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None
        self._last: float | None = None
        self._count = 0

    @property
    def age(self) -> float | None:
        """For how many seconds one has been under way; None when none is."""
        return None if self._since is None else self._clock() - self._since

    @property
    def count(self) -> int:
        """Those that were done since media last moved for a while."""
        if self._last is not None and self._clock() - self._last > REPAIRED_AFTER:
            self._count, self._last = 0, None
        return self._count

    def begin(self) -> None:
        """One begins, if none is under way."""
        if self._since is None:
            self._since = self._clock()

    def done(self) -> None:
        """The one that is under way, if one is, is done."""
        if self._since is not None:
            self._since, self._last = None, self._clock()
            self._count += 1
