"""Loudness of a period of sound."""

from __future__ import annotations

import math
import operator
from array import array

SILENCE = 127
_FULL_SCALE = 32_768.0


def energy(samples: array[int]) -> int:
    """The sum of the squares.

    `sum(map(mul))` runs in C without numpy: 960 samples take about 40 microseconds.
    """
    return sum(map(operator.mul, samples, samples))


def level_dbov(samples: array[int], squares: int | None = None) -> int:
    """RMS of 16-bit samples in -dBov, 0 (loudest) to 127 (silence), as RFC 6464 has it.

    Args:
        samples: of a period.
        squares: their `energy`, if it is known.
    """
    if squares is None:
        squares = energy(samples)
    if squares == 0:
        return SILENCE
    rms = math.sqrt(squares / len(samples))
    return min(SILENCE, max(0, round(-20 * math.log10(rms / _FULL_SCALE))))
