"""What a client may send: a receive-rate-based value for REMB, deliberately simple.

It rises while nothing is lost, a little above what arrives, and falls with loss. mediasoup measures better;
the sandbox has to show that a sender follows the value, and to cap it in tests.
"""

from __future__ import annotations

from typing import Final

INITIAL: Final = 1_500_000  # bits per second, before anything is measured
FLOOR: Final = 100_000
_HIGH_LOSS: Final = 0.10  # as in Google's loss-based control (draft-ietf-rmcat-gcc, 6)
_LOW_LOSS: Final = 0.02
_HEADROOM: Final = 1.5  # times what arrives, as libwebrtc's; more would promise what was never tried
_RISE: Final = 1.08  # per second
_SLACK: Final = 10_000  # bits per second above that, so that a pause is not the end


class BandwidthEstimate:
    """The estimate for one transport, moved once a second.

    Args:
        cap: the most that is ever told, bits per second; None for no cap.
    """

    def __init__(self, cap: int | None = None) -> None:
        self.cap = cap
        self._value = float(INITIAL)
        self._measured = False

    def update(self, received: int, fraction_lost: float) -> int:
        """The value to tell now.

        Args:
            received: bits per second of the last second.
            fraction_lost: of the last reporting interval, 0 to 1.
        """
        if fraction_lost > _HIGH_LOSS:
            self._value *= 1 - 0.5 * fraction_lost
        elif fraction_lost < _LOW_LOSS:
            ceiling = received * _HEADROOM + _SLACK
            # The first measurement counts at once, as after libwebrtc's first probes.
            rise = _RISE if self._measured else float("inf")
            self._value = max(self._value, min(self._value * rise, ceiling))
        self._measured = self._measured or received > 0
        self._value = max(self._value, FLOOR)
        return int(self._value if self.cap is None else min(self._value, self.cap))
