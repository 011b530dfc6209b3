"""A bandwidth divided among the layers of a producer. Pure; `Allocator` is told the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# A layer that was switched off returns only well above its minimum, and after the bandwidth has been there
# for a while: viewers see every change, and each return costs a keyframe.
RETURN_FACTOR = 1.2
RETURN_AFTER = 3.0


@dataclass(frozen=True, slots=True)
class EncodingLimits:
    """What one layer can use, in bits per second: below `minimum` it is not worth sending."""

    minimum: int
    maximum: int


def allocate(budget: int, encodings: Sequence[EncodingLimits]) -> tuple[int, ...]:
    """Bits per second for each layer, lowest layer first.

    A layer gets its maximum before the next one gets anything; one that cannot have its minimum gets 0,
    and so do all above it. The sum never exceeds `budget`, and a larger budget never gives a layer less.
    """
    shares: list[int] = []
    left = max(0, budget)
    for limits in encodings:
        share = min(limits.maximum, left)
        if share < limits.minimum:
            share = left = 0
        shares.append(share)
        # A layer below its maximum has taken all that was left.
        left -= share
    return tuple(shares)


class Allocator:
    """`allocate` over time: layers go at once and return with hysteresis. All layers are on at first.

    Args:
        encodings: what each layer can use, lowest first.
    """

    def __init__(self, encodings: Sequence[EncodingLimits]) -> None:
        self._encodings = tuple(encodings)
        self._active = [True] * len(self._encodings)
        self._enough_since: list[float | None] = [None] * len(self._encodings)

    def divide(self, budget: int, now: float, wanted: Sequence[bool]) -> tuple[int, ...]:
        """Bits per second for each layer, lowest first; 0 switches it off.

        Args:
            budget: bits per second.
            now: seconds, monotonic.
            wanted: layers that are not get nothing, keep nothing from the others, and return at once.
        """
        thresholds = [self._threshold(layer) if wanted[layer] else _NOTHING for layer in range(len(wanted))]
        shares = list(allocate(budget, thresholds))
        for layer, share in enumerate(shares):
            if share == 0:
                self._enough_since[layer] = None
            elif not self._may_return(layer, now):
                # Those above wait for this one: a viewer can step down to it only if it is there.
                for above in range(layer + 1, len(shares)):
                    self._enough_since[above] = None
                shares[layer:] = [0] * (len(shares) - layer)
                break
        for layer, share in enumerate(shares):
            if wanted[layer]:
                self._active[layer] = share > 0
        return tuple(shares)

    def next_return(self, wanted: Sequence[bool]) -> int | None:
        """The budget at which the lowest missing layer returns; None when none is missing."""
        total = 0
        for layer, limits in enumerate(self._encodings):
            if not wanted[layer]:
                continue
            if not self._active[layer]:
                return total + self._threshold(layer).minimum
            total += limits.maximum
        return None

    def _threshold(self, layer: int) -> EncodingLimits:
        limits = self._encodings[layer]
        if self._active[layer]:
            return limits
        return EncodingLimits(min(round(limits.minimum * RETURN_FACTOR), limits.maximum), limits.maximum)

    def _may_return(self, layer: int, now: float) -> bool:
        if self._active[layer]:
            return True
        since = self._enough_since[layer]
        if since is None:
            since = self._enough_since[layer] = now
        return now - since >= RETURN_AFTER


_NOTHING = EncodingLimits(0, 0)
