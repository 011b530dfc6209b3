"""Media that goes on although its signaling is lost, until a new session has taken its place."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from edgemeet.supervisor.media_path import MediaPath
from edgemeet.supervisor.runs_once import Remains

logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT: Final = 5.0  # seconds; a transport closes within two by itself


class MediaRemains:
    """The media path of a session whose websocket is gone, while the server still acknowledges it.

    Args:
        path: is owned from now on.
        timeout: seconds without an acknowledgement after which it is dead.
    """

    def __init__(self, path: MediaPath, timeout: float) -> None:
        self._path = path
        self._timeout = timeout

    def alive(self) -> bool:
        """Whether the server still acknowledges it."""
        return self._path.alive(self._timeout)

    async def close(self) -> None:
        """End it within a few seconds; never raises."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._path.close()
        except TimeoutError:
            logger.warning("the media of the last session did not end within %g s", _CLOSE_TIMEOUT)


class Inheritance:
    """What the last session left behind, if anything: there is never more than one."""

    def __init__(self) -> None:
        self._remains: Remains | None = None

    @property
    def there(self) -> bool:
        """Media goes on whose signaling is lost."""
        return self._remains is not None

    async def take(self, remains: Remains | None) -> None:
        """What a session has left takes the place of what was there; None leaves all as it is."""
        if remains is not None:
            await self.close()
            self._remains = remains
            logger.info("media goes on while signaling is made anew")

    async def look(self, *, needed: bool) -> None:
        """Close it when another session has taken its place, when nobody wants it, or when it is dead."""
        if self._remains is not None and not (needed and self._remains.alive()):
            await self.close()

    async def close(self) -> None:
        """End it within a few seconds; never raises."""
        remains, self._remains = self._remains, None
        if remains is not None:
            await remains.close()
