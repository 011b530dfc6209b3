"""The child's sign of life when no access unit goes out."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgemeet.media import messages, wire
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
        self._frames = 0

    def captured(self) -> bool:
        """One more picture or period was captured and dealt with. True when it is time to `tell`."""
        self._frames += 1
        return self._clock() >= self._next

    def tell(self, dropped: int, signal: Signal) -> None:
        """Tell how many were captured, how many access units `dropped`, and what they are worth."""
        if self._outlet.offer(wire.encode(messages.Progress(self._frames, dropped, signal))):
            self._next = self._clock() + _INTERVAL_NS
