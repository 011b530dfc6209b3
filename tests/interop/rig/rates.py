"""What rate an encoder really gave. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """Bits per second over all pictures and over the worst second; the largest picture in bytes."""

    mean: float
    worst_second: float
    largest_picture: int


def rate_of(sizes: Sequence[int], fps: int) -> Rate:
    """Of pictures of these sizes (bytes), `fps` a second. Less than a second counts as its pace."""
    window = min(fps, len(sizes))
    if not window:
        return Rate(0.0, 0.0, 0)
    per_picture = 8 * fps
    running = sum(sizes[:window])
    most = running
    for leaving, coming in zip(sizes, sizes[window:], strict=False):
        running += coming - leaving
        most = max(most, running)
    return Rate(
        mean=per_picture * sum(sizes) / len(sizes),
        worst_second=per_picture * most / window,
        largest_picture=max(sizes),
    )
