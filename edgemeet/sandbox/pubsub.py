"""Messages by topic, and those that are kept for late comers."""

from __future__ import annotations

from collections import deque
from typing import Final

from pydantic import JsonValue

from edgemeet.sandbox.refusal import Refused

_MAX_TOPICS: Final = 100
_KEPT: Final = 50  # messages per topic
_KEPT_CHARACTERS: Final = 64_000  # per topic, so that all of them fit one frame
MAX_MESSAGE: Final = 16_000  # characters, message and payload together


class Topics:
    """What was published with `persist`."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[tuple[dict[str, JsonValue], int]]] = {}

    def keep(self, topic: str, message: dict[str, JsonValue], size: int) -> None:
        """Remember a message of `size` characters; the oldest are forgotten.

        Raises:
            Refused: there are too many topics.
        """
        if topic not in self._kept and len(self._kept) >= _MAX_TOPICS:
            raise Refused(429, "too many topics with kept messages")
        kept = self._kept.setdefault(topic, deque(maxlen=_KEPT))
        kept.append((message, size))
        while sum(each for _, each in kept) > _KEPT_CHARACTERS:
            kept.popleft()

    def kept(self, topic: str) -> list[dict[str, JsonValue]]:
        """The messages of a topic, oldest first."""
        return [message for message, _ in self._kept.get(topic, ())]
