"""Two clocks of a sound device: when its sound was captured, and whether it keeps time at all."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgemeet.media.plan import PERIOD_NS

# A period's time may differ this much from what the counted samples say before it is believed over them.
_TOLERANCE_NS = 60_000_000
# How fast a device that blocks is forgiven for being ahead: 1/50 of the time it blocked. A sound card is
# off by 0.01 %, so this never lets a real one wait, and a busy machine hardly speeds a file up.
_FORGIVENESS = 50


class CaptureClock:
    """Times for periods: exactly 20 ms apart while the device delivers without a break.

    Reading is late by what else the machine does; counted samples are not. They are followed until they
    are off by 60 ms: sound was lost, or the device's crystal drifted that far.
    """

    def __init__(self) -> None:
        self._next: int | None = None

    def stamp(self, read_at_ns: int) -> int:
        """When a period that was complete at `read_at_ns` began."""
        seen = read_at_ns - PERIOD_NS
        if self._next is None or abs(seen - self._next) > _TOLERANCE_NS:
            self._next = seen
        captured = self._next
        self._next += PERIOD_NS
        return captured

    def lost(self) -> None:
        """Sound was lost: start from the next period's own time."""
        self._next = None


class Throttle:
    """Holds back a device that delivers faster than time passes, such as alsa-lib's `file` plugin.

    A real device blocks in `read` and can be ahead by no more than its buffer, `slack_ns`.
    """

    def __init__(
        self,
        slack_ns: int,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._slack = slack_ns
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def hold(self, sound_ns: int, blocked_ns: int) -> None:
        """Sleep if needed after a read that gave `sound_ns` of sound and took `blocked_ns`."""
        now = self._clock()
        self._due = max(now, self._due + sound_ns - blocked_ns // _FORGIVENESS)
        ahead = self._due - now - self._slack
        if ahead > 0:
            self._sleep(ahead / 1e9)
