"""Media that goes on although its signaling is lost, until a new session has taken its place."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from edgemeet.supervisor.media_path import MediaPath

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
