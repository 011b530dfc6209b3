"""When to send more than there is to say, to find out whether a missing layer would fit. Sans-I/O.

A receiver's estimate grows to 1.5 times what arrives and not further. While the top layer is off, what is
sent is far less than what its return needs: 550 kb/s of 1.5 Mb/s with VideoSDK's layers for 720p. So padding
fills the gap, as libwebrtc does for simulcast. Unlike there it comes in bouts, because data may cost money.
"""

from __future__ import annotations

# Growth of 8 % a second comes from 0.6 to 1.5 Mb/s in 12 s.
_BOUT = 12.0
# Seconds of rest after a bout that ended in nothing; twice as long after the next one.
FIRST_REST = 8.0
LONGEST_REST = 120.0
# Padding below this rate is not worth the wake-ups.
_LEAST = 20_000


class Prober:
    """Decides the rate of padding, in bits per second."""

    def __init__(self) -> None:
        self._until: float | None = None  # the end of the bout that runs
        self._resting_until = 0.0
        self._rest = FIRST_REST
        self._estimate = 0

    def rate(self, now: float, *, estimate: int, sending: int, needed: int | None) -> int:
        """Padding to send from now on.

        Args:
            now: seconds, monotonic.
            estimate: what the path is believed to carry.
            sending: what is sent without padding.
            needed: the estimate at which a missing layer returns; None when none is missing.
        """
        fell = estimate < 0.97 * self._estimate
        self._estimate = estimate
        if needed is None:
            self._until, self._rest = None, FIRST_REST
            return 0
        if self._until is not None and (fell or now >= self._until):
            # Too much, or in vain.
            self._until = None
            self._resting_until = now + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
        if self._until is None:
            if fell:
                self._resting_until = max(self._resting_until, now + FIRST_REST)
            if now < self._resting_until:
                return 0
            self._until = now + _BOUT
        padding = min(estimate, needed) - sending
        return padding if padding >= _LEAST else 0
