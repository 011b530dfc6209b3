"""How much trouble libvpx takes with a picture: as much as this device has time for. Pure.

libvpx can choose by itself (a positive `cpu-used`), but not well: on a fast device it spends the time that is
there on next to nothing that one sees, and on a slow one it goes down to 16, where a picture in motion has a
third less SSIM and seven times the rate that was asked for (docs/performance.md, quality).
"""

from __future__ import annotations

# Values of `cpu-used`; negative ones are fixed speeds. -6 is what libwebrtc and aiortc take. Slower than that
# gains nothing that one sees; faster than -12 no longer keeps the rate in a scene that moves.
SPEEDS = (-6, -10, -12)
_WINDOW_SECONDS = 2.0  # that the share of time is averaged over, and the least from one change to the next
_BUSY = 0.6  # of the time there is for a picture: the camera and other layers need theirs
_IDLE = 0.35  # with which the slower speed, a quarter more, is well below _BUSY
_IDLE_SECONDS = 60.0  # a change is a keyframe, so it is not tried often


class Speed:
    """Which of `SPEEDS` fits, by how long pictures take.

    Args:
        fps: pictures a second that are to be encoded.
    """

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._step = 0
        self._share = 0.0  # of the time for a picture that encoding takes, averaged
        self._pictures = 0  # since the last change
        self._idle = 0  # pictures in a row after which there was time left

    @property
    def cpu_used(self) -> int:
        """The value to encode with."""
        return SPEEDS[self._step]

    def took(self, seconds: float) -> None:
        """The last picture was encoded in so long."""
        window = _WINDOW_SECONDS * self._fps
        self._pictures += 1
        self._share += (seconds * self._fps - self._share) / min(self._pictures, window)
        self._idle = self._idle + 1 if self._share < _IDLE else 0
        if self._pictures < window:
            return
        if self._share > _BUSY and self._step < len(SPEEDS) - 1:
            self._change(1)
        elif self._idle >= _IDLE_SECONDS * self._fps and self._step > 0:
            self._change(-1)

    def _change(self, by: int) -> None:
        self._step += by
        self._pictures = self._idle = 0
