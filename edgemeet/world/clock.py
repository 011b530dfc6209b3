"""Whether the wall clock is right, and when it is set: most Raspberry Pis forget the time without power."""

from __future__ import annotations

import ctypes
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edgemeet.beat import beat

logger = logging.getLogger(__name__)

# 2025-01-01, before this was written: a clock that says less has not been set since the start.
EARLIEST_NOW: Final = 1_735_689_600
# Seconds by which the clock has to jump to be set; what adjusts it slowly does less in a second.
STEP: Final = 1.0
_INTERVAL: Final = 1.0

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_SIZE: Final = 512  # struct timex has 208 bytes on 64 bits

# Somebody sets the clock where one of these is; the second is there once systemd-timesyncd has done it.
_TIMESYNCD: Final = "systemd/timesync"
_SYNCHRONISED: Final = "systemd/timesync/synchronized"
_OTHERS: Final = ("chrony/chronyd.pid", "chronyd.pid", "ntpd.pid")


def clock_set(
    *,
    now: float | None = None,
    run: Path = Path("/run"),
    kernel: Callable[[], bool | None] | None = None,
) -> bool | None:
    """Whether the wall clock is right, as far as this machine knows.

    Args:
        now: seconds since 1970.
        run: where services leave their signs.
        kernel: whether the kernel's clock is synchronised; None where it does not say.

    Returns:
        None where nobody seems to set it, so that there is nothing to wait for.
    """
    if (time.time() if now is None else now) < EARLIEST_NOW:
        return False
    if (run / _SYNCHRONISED).exists():
        return True
    synchronised = (kernel or kernel_synchronised)()
    if synchronised:
        return True
    if (run / _TIMESYNCD).is_dir():
        return False
    # Under the unit's ProtectClock the kernel does not say, and chrony leaves no sign of success.
    if synchronised is False and any((run / name).exists() for name in _OTHERS):
        return False
    return None


def kernel_synchronised() -> bool | None:
    """What adjtimex(2) says; None where it must not be asked."""
    timex = ctypes.create_string_buffer(_TIMEX_SIZE)  # all zero: modes = 0 only asks
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(timex)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _TIME_ERROR


class ClockWatch:
    """Looks once a second whether the clock was set.

    Args:
        on_set: called when it jumped, or became right; the argument is the jump in seconds.
        is_set: see `clock_set`.
        monotonic, wall: the two clocks.
    """

    def __init__(
        self,
        on_set: Callable[[float], None],
        *,
        is_set: Callable[[], bool | None] = clock_set,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._on_set = on_set
        self._is_set = is_set
        self._monotonic = monotonic
        self._wall = wall
        self._offset = wall() - monotonic()
        self.state = is_set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await beat(_INTERVAL)
            self.look()

    def look(self) -> None:
        """Compare with the last look."""
        offset = self._wall() - self._monotonic()
        jump, self._offset = offset - self._offset, offset
        before = self.state
        # Once right it stays right: to ask the machine each second for ever would be a waste.
        if before is not True or abs(jump) > STEP:
            self.state = self._is_set()
        if abs(jump) > STEP:
            logger.info("the clock was set, by %+.1f s", jump)
        if abs(jump) > STEP or (before is False and self.state is not False):
            self._on_set(jump)
