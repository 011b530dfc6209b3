"""Whether what a device gives is worth anything: silence, a frozen picture, a black one.

A device that opens and delivers can still be useless: a switch on the microphone, a cap on the lens, a
driver that hands out the same picture again and again. Nothing is done about it here; it is told.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from edgemeet.media.loudness import energy

if TYPE_CHECKING:
    from av import VideoFrame

Signal = Literal["ok", "silent", "frozen", "black"]
SIGNALS: dict[str, Signal] = {"ok": "ok", "silent": "silent", "frozen": "frozen", "black": "black"}

# RMS of what is sent, gain included and without a constant offset, in dBov. The noise of a room and of a
# microphone's own amplifier is at -50 to -70 once speech has a usual level; a switched-off, unplugged or dead
# input is at -80 or digital zero. Deep enough that a quiet night in an empty room is no silence.
SILENCE_DBOV = -75.0
_SILENCE_POWER = (32_768 * 10 ** (SILENCE_DBOV / 20)) ** 2
_PERIODS_PER_SECOND = 50

_LOOK_INTERVAL = 1.0  # seconds
_ROWS, _COLUMNS = 16, 32  # 512 pixels: noise alone changes one of them from picture to picture
_BLACK_LUMA = 32  # 16 is black in video; a covered sensor's noise reaches a little above
_BLACK_SHARE = 0.98  # of the pixels; a few may be hot
_LUMA_FIRST = ("yuv420p", "yuvj420p", "nv12", "nv21", "yuv422p", "yuvj422p", "gray")


class SilenceWatch:
    """Looks at every period of 20 ms. Counts them, so it needs no clock.

    Args:
        after: seconds without any sound that are silence.
    """

    def __init__(self, after: float) -> None:
        self._after = after * _PERIODS_PER_SECOND
        self._quiet = 0

    def hear(self, samples: array[int], squares: int | None = None) -> None:
        """The next period, and its `energy`, if it is known."""
        self._quiet = self._quiet + 1 if _is_quiet(samples, squares) else 0

    def reset(self) -> None:
        """What comes next is not to be counted with what was."""
        self._quiet = 0

    @property
    def signal(self) -> Signal:
        """`silent` when all of the last seconds were quiet."""
        return "silent" if self._quiet >= self._after else "ok"


def _is_quiet(samples: array[int], squares: int | None) -> bool:
    if not samples:
        return True
    mean = sum(samples) / len(samples)
    power = (energy(samples) if squares is None else squares) / len(samples)
    return power - mean * mean < _SILENCE_POWER


class PictureWatch:
    """Looks at a few hundred pixels once a second.

    Args:
        frozen_after: seconds of identical pictures. No sensor gives two identical ones: they have noise.
        black_after: seconds of black ones.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        frozen_after: float,
        black_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._frozen_after = frozen_after
        self._black_after = black_after
        self._clock = clock
        self._last = b""
        self._next = -math.inf
        self._same_since: float | None = None
        self._black_since: float | None = None

    def look(self, frame: VideoFrame) -> None:
        """The newest picture; it is not kept."""
        now = self._clock()
        if now >= self._next and frame.format.name in _LUMA_FIRST:
            self._next = now + _LOOK_INTERVAL
            self.judge(luma_sample(frame), now)

    def judge(self, sample: bytes, now: float) -> None:
        """The luma of the sampled pixels, seen at `now`."""
        same = sample == self._last
        black = sum(luma <= _BLACK_LUMA for luma in sample) >= _BLACK_SHARE * len(sample)
        self._same_since = _since(same, self._same_since, now)
        self._black_since = _since(black, self._black_since, now)
        self._last = sample

    @property
    def signal(self) -> Signal:
        """`black` before `frozen`: a black picture is often the same one."""
        now = self._clock()
        if self._black_since is not None and now - self._black_since >= self._black_after:
            return "black"
        if self._same_since is not None and now - self._same_since >= self._frozen_after:
            return "frozen"
        return "ok"


def _since(holds: bool, before: float | None, now: float) -> float | None:
    return (now if before is None else before) if holds else None


def luma_sample(frame: VideoFrame) -> bytes:
    """The luma of pixels spread evenly over the picture, row by row."""
    plane = frame.planes[0]
    luma, stride = memoryview(plane), plane.line_size
    rows, step = min(_ROWS, frame.height), max(1, frame.width // _COLUMNS)
    starts = ((2 * row + 1) * frame.height // (2 * rows) * stride for row in range(rows))
    return b"".join(bytes(luma[start + step // 2 : start + frame.width : step]) for start in starts)
