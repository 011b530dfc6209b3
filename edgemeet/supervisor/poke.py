"""What interrupts the supervisor while it waits."""

from __future__ import annotations

import asyncio
from typing import Any


class Poke:
    """Given by whoever has news; `clear` before the news is looked at."""

    def __init__(self) -> None:
        self._given = asyncio.Event()
        self.give = self._given.set
        self.clear = self._given.clear

    async def wait(self, seconds: float | None) -> None:
        """Until it is given, or so many seconds have passed; None is for ever."""
        try:
            async with asyncio.timeout(seconds):
                await self._given.wait()
        except TimeoutError:
            pass

    async def wait_beside(self, running: asyncio.Future[Any], seconds: float) -> None:
        """As `wait`, or until `running` is done, which goes on otherwise."""
        poked = asyncio.create_task(self._given.wait())
        try:
            await asyncio.wait((running, poked), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            poked.cancel()
            await asyncio.gather(poked, return_exceptions=True)
