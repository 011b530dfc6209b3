"""The child's sign of life when no access unit goes out."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgemeet.media import wire
from edgemeet.media.outlet import Outlet
from edgemeet.media.signal_watch import Signal

_INTERVAL_NS = 500_000_000  # a third of the shortest default deadline


class ProgressReporter:
    """Tells the parent twice a second how many frames were captured.

    A capture with all layers off sends no access unit and is alive all the same.
    """

    def __init__(self, outlet: Outlet, *, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._outlet = outlet
        self._clock = clock
        self._next = clock()
        self.frames = 0
        self.dropped = 0
        self.signal: Signal = "ok"

    def captured(self) -> None:
        """One more picture or period was captured and dealt with."""
        self.frames += 1
        now = self._clock()
        if now < self._next:
            return
        if self._outlet.offer(wire.encode(wire.Progress(self.frames, self.dropped, self.signal))):
            self._next = now + _INTERVAL_NS
