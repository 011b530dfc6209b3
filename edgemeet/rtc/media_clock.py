"""One time line for all streams of a transport."""

from __future__ import annotations

import time
from collections.abc import Callable

# Seconds from the NTP epoch (1900) to the Unix epoch (1970), RFC 5905.
_NTP_UNIX_OFFSET = 2_208_988_800


class MediaClock:
    """Maps the monotonic clock to NTP time by one offset, taken once.

    Sound and picture share it, so sender reports keep them in step, and a later step of the wall clock
    moves neither.

    Args:
        clock: seconds, monotonic.
        wall_clock: Unix time in seconds, read once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.now = clock
        self._offset = wall_clock() - clock() + _NTP_UNIX_OFFSET

    def ntp(self, monotonic: float) -> int:
        """The 64-bit NTP timestamp (32.32 fixed point) of a monotonic time."""
        return int((monotonic + self._offset) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def middle_bits(ntp: int) -> int:
    """The 32 bits of an NTP timestamp that reports carry as LSR (16.16 fixed point, RFC 3550)."""
    return (ntp >> 16) & 0xFFFF_FFFF
