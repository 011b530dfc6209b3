"""Who has the floor: the loudest participant, without flicker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AUDIBLE: Final = 127 - 50.0  # above -50 dBov, about quiet speech
_LOUDER_BY: Final = 6.0  # dB by which another one must be louder to take over
_SILENT_FOR: Final = 2.0  # seconds of silence after which nobody has the floor


class SpeakerChoice:
    """Remembers the active speaker."""

    def __init__(self) -> None:
        self._speaker: str | None = None
        self._heard = 0.0

    def update(self, levels: Mapping[str, float], now: float) -> tuple[bool, str | None]:
        """Whether the speaker changed, and who it is now.

        Args:
            levels: loudness by participant, 0 (silence) to 127.
            now: monotonic seconds.
        """
        before = self._speaker
        audible = {peer: level for peer, level in levels.items() if level > AUDIBLE}
        if audible:
            loudest = max(audible, key=lambda peer: audible[peer])
            own = audible.get(self._speaker, 0.0) if self._speaker is not None else 0.0
            if audible[loudest] > own + _LOUDER_BY:
                self._speaker = loudest
            if self._speaker in audible:
                self._heard = now
        if self._speaker is not None and now - self._heard > _SILENT_FOR:
            self._speaker = None
        return self._speaker != before, self._speaker
