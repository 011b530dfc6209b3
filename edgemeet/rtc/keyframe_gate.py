"""Keyframe requests of one layer, coalesced."""

from __future__ import annotations

# Two a second: a keyframe is five to ten times a usual picture, and more of them help nobody.
MIN_INTERVAL = 0.5


class KeyframeGate:
    """Lets at most two requests a second through and forgets none.

    A request that comes too early waits; it is dropped only when a keyframe leaves meanwhile, which
    answers it. Sans-I/O: `due` is asked again with the next picture.

    Attributes:
        wanted: a request waits.
    """

    def __init__(self) -> None:
        self.wanted = False
        self._asked_at: float | None = None

    def ask(self) -> None:
        """Somebody needs a keyframe."""
        self.wanted = True

    def sent(self) -> None:
        """A keyframe is on its way."""
        self.wanted = False

    def due(self, now: float) -> bool:
        """True once when the encoder is to be asked now."""
        if not self.wanted:
            return False
        if self._asked_at is not None and now - self._asked_at < MIN_INTERVAL:
            return False
        self.wanted = False
        self._asked_at = now
        return True
