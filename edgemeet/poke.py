"""What interrupts who waits for a moment, or for something that may happen before it."""

from __future__ import annotations

import asyncio
from typing import Any


class Poke:
    """Given by whoever has news; `clear` before the news is looked at. One waits at a time.

    With an event, a task to wait for it and a deadline around both, each look of those who look around four
    times a second took four turns of the event loop; this takes one.
    """

    def __init__(self) -> None:
        self._given = False
        self._waiting: asyncio.Future[None] | None = None

    @property
    def given(self) -> bool:
        """Whether there is news since the last `clear`."""
        return self._given

    def give(self) -> None:
        """There is news."""
        self._given = True
        self._end()

    def clear(self) -> None:
        """What was news is known."""
        self._given = False

    async def wait(self, seconds: float | None) -> None:
        """Until it is given, or so many seconds have passed; None is for ever."""
        if self._given:
            await asyncio.sleep(0)  # whoever gives it again and again must not keep the others from running
            return
        assert self._waiting is None, "one waits at a time"
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = None if seconds is None else loop.call_later(max(seconds, 0.0), self._end)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    async def wait_beside(self, running: asyncio.Future[Any], seconds: float) -> None:
        """As `wait`, or until `running` is done, which goes on otherwise."""
        if running.done():
            return
        running.add_done_callback(self._end)
        try:
            await self.wait(seconds)
        finally:
            running.remove_done_callback(self._end)

    def _end(self, _: object = None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
