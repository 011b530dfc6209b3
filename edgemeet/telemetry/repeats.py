"""The same message again and again says nothing new, and wears out an SD card."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

BURST: Final = 10  # of one message in one window
WINDOW: Final = 60.0  # seconds
_MOST_MESSAGES: Final = 1000  # messages that are made of what they tell are no templates: forget them all


class RepeatFilter(logging.Filter):
    """Lets each message through ten times a minute; the next one that passes tells how many did not.

    A message is its template, so that "frame %d dropped" is one whatever the number. Debug messages all pass:
    who turns them on wants them.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it passes; `record.suppressed` is how many like it did not, since the last that passed."""
        if record.levelno <= logging.DEBUG:
            return True
        key, now = (record.name, record.levelno, str(record.msg)), self._clock()
        since, count = self._windows.get(key, (now, 0))
        if now - since >= WINDOW:
            record.suppressed = max(0, count - BURST)
            since, count = now, 0
        if len(self._windows) >= _MOST_MESSAGES:
            self._windows.clear()
        self._windows[key] = (since, count + 1)
        return count < BURST
