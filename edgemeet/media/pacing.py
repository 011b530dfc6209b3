"""Ticks on an absolute schedule: no drift, no bursts."""

from __future__ import annotations

import time
from collections.abc import Callable

_SECOND = 1_000_000_000


def _sleep_ns(nanoseconds: int) -> None:
    time.sleep(nanoseconds / _SECOND)


class Pacer:
    """Tick n is due at start + n / rate, however late the ticks before it were.

    A caller that is more than `slack` ticks late gets the newest tick that is due and the ones between
    are skipped, so a stall never turns into a burst.
    """

    def __init__(
        self,
        rate: int,
        *,
        slack: int = 0,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[int], None] = _sleep_ns,
    ) -> None:
        self._rate = rate
        self._slack = slack
        self._clock = clock
        self._sleep = sleep
        self._start = clock()
        self._tick = 0
        self.skipped = 0

    def wait(self) -> int:
        """Sleep until the next tick; the time it was due, in nanoseconds on the clock."""
        now = self._clock()
        newest = (now - self._start) * self._rate // _SECOND
        if newest - self._tick > self._slack:
            self.skipped += newest - self._tick
            self._tick = newest
        due = self._start + self._tick * _SECOND // self._rate
        self._tick += 1
        if due > now:
            self._sleep(due - now)
        return due
