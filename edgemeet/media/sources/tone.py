"""A sine for tests and demonstrations, as exact as the clock it is paced on."""

from __future__ import annotations

import math
from array import array

from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import PERIOD_SAMPLES, SAMPLE_RATE
from edgemeet.media.sources.protocols import Period

_AMPLITUDE = 8_192  # a quarter of full scale, -15 dBov as a sine
_FRACTION = 1_000  # the frequency is kept to a thousandth of a hertz
_LATE_PERIODS = 5  # 100 ms may be caught up; more is skipped


class Sine:
    """Samples of an endless sine. The phase is counted in whole steps, so it never drifts."""

    def __init__(self, hertz: float) -> None:
        self._table = array(
            "h", (round(_AMPLITUDE * math.sin(2 * math.pi * i / SAMPLE_RATE)) for i in range(SAMPLE_RATE))
        )
        self._step = round(hertz * _FRACTION)
        self._phase = 0

    def take(self, count: int) -> array[int]:
        """The next `count` samples of 16 bits."""
        table, step, cycle = self._table, self._step, SAMPLE_RATE * _FRACTION
        end = self._phase + count * step
        samples = array("h", [table[phase % cycle // _FRACTION] for phase in range(self._phase, end, step)])
        self._phase = end % cycle
        return samples


class ToneMicrophone:
    """A tone of `hertz`, 20 ms at a time, paced on the monotonic clock."""

    def __init__(self, hertz: float) -> None:
        self.name = f"tone {hertz:g} Hz"
        self._sine = Sine(hertz)
        self._pacer = Pacer(SAMPLE_RATE // PERIOD_SAMPLES, slack=_LATE_PERIODS)

    def read(self) -> Period:
        captured = self._pacer.wait()
        return Period(self._sine.take(PERIOD_SAMPLES), captured)

    def close(self) -> None:
        """Nothing to give back."""
