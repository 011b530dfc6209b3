"""When those who look around look: at the same moments, so that the process wakes up once for all of them."""

from __future__ import annotations

import asyncio
import math

# A moment that is as close as this share of the interval is skipped for the one after it.
_CLOSE = 0.1


def next_beat(now: float, interval: float) -> float:
    """The next moment for whoever looks around every `interval` seconds.

    It is a multiple of the interval, 0.1 to 1.1 intervals after `now`, on the clock of `now`. Pure.
    """
    return (math.floor(now / interval + _CLOSE) + 1) * interval


def until_beat(interval: float) -> float:
    """Seconds until the next moment of about every `interval` seconds, on the running event loop."""
    now = asyncio.get_running_loop().time()
    return next_beat(now, interval) - now


async def beat(interval: float) -> None:
    """Sleep until the next moment of about every `interval` seconds.

    Each wake-up costs more than most looks do: the processor has rested and its caches hold something else.
    """
    await asyncio.sleep(until_beat(interval))
