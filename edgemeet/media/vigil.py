"""Which deadline a capture process has to meet next. No clock of its own: it is told the time."""

from __future__ import annotations

from edgemeet.errors import DeviceFailed
from edgemeet.media.plan import Deadlines

_STALLED = "device.stalled"


class Vigil:
    """From the start to the open device, to the first frame, to the next one, and the next.

    Args:
        deadlines: seconds.
        now: when the process was started.
        name: of the device, for the message.
    """

    def __init__(self, deadlines: Deadlines, now: float, name: str) -> None:
        self._deadlines = deadlines
        self._name = name
        self._due = now + deadlines.start
        self._waiting_for = "did not open"
        self._code = "device.start_timeout"
        self._allowed = deadlines.start

    def opened(self, now: float) -> None:
        """The device is open."""
        self._expect("gave no first frame", "device.first_frame_timeout", self._deadlines.first_frame, now)

    def frame(self, now: float) -> None:
        """A frame came, or word that frames are captured."""
        if self._code == _STALLED:
            self._due = now + self._allowed
        else:
            self._expect("stalled: no frame", _STALLED, self._deadlines.gap, now)

    def remaining(self, now: float) -> float:
        """Seconds until the deadline; not above 0 when it is missed."""
        return self._due - now

    def missed(self) -> DeviceFailed:
        """The error to report once nothing remains."""
        return DeviceFailed(f"the {self._name} {self._waiting_for} for {self._allowed:g} s", code=self._code)

    def _expect(self, what: str, code: str, allowed: float, now: float) -> None:
        self._due = now + allowed
        self._waiting_for, self._code, self._allowed = what, code, allowed
