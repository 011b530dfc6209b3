"""What every thread was doing when the event loop stopped, in the log before systemd kills the process."""

from __future__ import annotations

import faulthandler
import sys
from types import TracebackType
from typing import Final

# The part of the watchdog's time after which a silent loop is a hung one: late enough not to cry wolf, early
# enough for the stacks to be written before SIGABRT comes.
_PATIENCE: Final = 0.75


class StackDump:
    """Writes all stacks to standard error unless `put_off` is called in time, again and again.

    The dump is made by a thread of faulthandler's own, without the interpreter's lock: it comes also when C
    code holds the lock or the main thread hangs in the kernel. Does nothing without a watchdog.

    Args:
        watchdog_timeout: seconds that systemd allows between two pings; None when it does not watch.
    """

    def __init__(self, watchdog_timeout: float | None) -> None:
        self._after = None if watchdog_timeout is None else watchdog_timeout * _PATIENCE

    def __enter__(self) -> StackDump:
        if self._after is not None:
            # A crash in a native library tells its stack too.
            faulthandler.enable(sys.__stderr__ or sys.stderr)
            self.put_off()
        return self

    def put_off(self) -> None:
        """The loop runs: not before another three quarters of the watchdog's time."""
        if self._after is not None:
            faulthandler.dump_traceback_later(self._after, file=sys.__stderr__ or sys.stderr)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._after is not None:
            faulthandler.cancel_dump_traceback_later()
