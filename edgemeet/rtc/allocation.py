"""A bandwidth divided among the layers of a producer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
