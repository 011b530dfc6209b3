"""When a picture was taken, on the clock that everything else uses."""

from __future__ import annotations

import time
from collections.abc import Callable

# A picture that claims to be older or newer than this is of another clock than we think.
_OLDEST_NS = 5_000_000_000
_NEWEST_NS = 50_000_000


def boot_time_ns() -> int:
    """CLOCK_BOOTTIME, which libcamera stamps pictures with: it goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def from_boot_time(
    stamp_ns: int | None,
    *,
    monotonic: Callable[[], int] = time.monotonic_ns,
    boot_time: Callable[[], int] = boot_time_ns,
) -> int:
    """The time on CLOCK_MONOTONIC (ns) of a stamp on CLOCK_BOOTTIME; now, when there is no sense in it."""
    now = monotonic()
    return plausible(None if stamp_ns is None else stamp_ns - (boot_time() - now), now)


def plausible(stamp_ns: int | None, now_ns: int) -> int:
    """A stamp on CLOCK_MONOTONIC if a picture that is there now can have it, else now.

    Some USB cameras stamp with clocks of their own.
    """
    if stamp_ns is None or not -_NEWEST_NS <= now_ns - stamp_ns <= _OLDEST_NS:
        return now_ns
    return stamp_ns
