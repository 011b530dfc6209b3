"""Fewer pictures where the rate does not suffice for all of them. Pure; it is told quantizers.

H.264 has a cliff: a scene that moves at half the rate it needs is coded so coarsely that each picture is a
bad guide to the next one, and all bits go into mending that. Half as many pictures with twice the bits each
look far better (docs/performance.md, quality).
"""

from __future__ import annotations

# Quantizers of H.264, 0 to 51. Scenes that are coded well enough have 20 to 37 on average, those beyond the
# cliff 49 to 51, and next to nothing lies between.
_STARVED = 44
_WELL = 31  # twice as many pictures then have about 35
_WINDOW_SECONDS = 3.0  # that a quantizer is averaged over, and the least from one change to the next
_WELL_SECONDS = 5.0
_MOST_SECONDS = 160.0  # after a return to more pictures that failed, the next one waits twice as long
_DIVISORS = (1, 2, 3)
_LEAST_FPS = 10


class Thinning:
    """Which share of the pictures to encode.

    Args:
        fps: pictures a second when all are encoded; fewer than ten are never made of them.
    """

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._divisors = tuple(each for each in _DIVISORS if each == 1 or fps >= each * _LEAST_FPS)
        self._step = 0
        self._patience = _WELL_SECONDS
        self._average = 0.0
        self._seconds = 0.0  # since the last change
        self._well = 0.0  # seconds
        self._rose = False  # the last change was one to more pictures

    @property
    def divisor(self) -> int:
        """Encode one of so many pictures."""
        return self._divisors[self._step]

    def saw(self, quantizer: float, pictures: int = 1) -> None:
        """With which the newest picture was encoded; it stands for that many since the last call."""
        step = pictures * self.divisor / self._fps
        self._seconds += step
        self._average += (quantizer - self._average) * step / min(self._seconds, _WINDOW_SECONDS)
        self._well = self._well + step if self._average <= _WELL else 0.0
        if self._seconds < _WINDOW_SECONDS:
            return
        if self._average >= _STARVED and self._step < len(self._divisors) - 1:
            self._patience = min(2 * self._patience, _MOST_SECONDS) if self._rose else _WELL_SECONDS
            self._change(1)
        elif self._well >= self._patience and self._step > 0:
            self._change(-1)

    def _change(self, by: int) -> None:
        self._step += by
        self._rose = by < 0
        self._seconds = self._well = 0.0
