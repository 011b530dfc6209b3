"""What a child prints, in this process's log, and no more of it than is useful."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable

_READ_SIZE = 4096
_PIPE_READS = 16  # as many as a full pipe holds (pipe(7): 64 KiB)
_LINE_LIMIT = 500  # characters; the rest of a longer line is dropped
_BURST = 40  # lines; a Python traceback fits
_LINES_PER_SECOND = 2.0

logger = logging.getLogger(__name__)


class ChildOutput:
    """Reads `descriptor` (and owns it) on `loop`; logs line by line, limited in rate and length."""

    def __init__(
        self,
        descriptor: int,
        name: str,
        loop: asyncio.AbstractEventLoop,
        *,
        level: int = logging.INFO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._name = name
        self._loop = loop
        self._level = level
        self._clock = clock
        self._partial = b""
        self._tokens = float(_BURST)
        self._filled_at = clock()
        self._suppressed = 0
        self._open = True
        self.last_line = ""
        loop.add_reader(descriptor, self._on_readable)

    def close(self) -> None:
        """Log what is still there and close the descriptor."""
        if self._open:
            self._loop.remove_reader(self._descriptor)
            for _ in range(_PIPE_READS):
                if not self._read():
                    break
            self._open = False
            os.close(self._descriptor)
            if self._partial:
                self._log(self._partial)

    def _on_readable(self) -> None:
        if not self._read():
            self._loop.remove_reader(self._descriptor)  # the other end is closed

    def _read(self) -> bool:
        """Take one piece of output; False at its end."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except BlockingIOError:  # a process that the child left behind holds the other end
            return True
        *lines, rest = (self._partial + data).split(b"\n")
        self._partial = rest[:_LINE_LIMIT]
        for line in lines:
            self._log(line)
        return bool(data)

    def _log(self, line: bytes) -> None:
        text = line[:_LINE_LIMIT].decode(errors="replace").strip()
        if not text:
            return
        self.last_line = text
        now = self._clock()
        self._tokens = min(_BURST, self._tokens + (now - self._filled_at) * _LINES_PER_SECOND)
        self._filled_at = now
        if self._tokens < 1:
            self._suppressed += 1
            return
        self._tokens -= 1
        if self._suppressed:
            logger.log(self._level, "%s: %d lines of output left out", self._name, self._suppressed)
            self._suppressed = 0
        logger.log(self._level, "%s: %s", self._name, text)
