"""Curves made of letters. Pure."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = " "


def sparkline(values: Sequence[float | None], width: int, *, top: float | None = None) -> str:
    """The newest `width` values, one letter each, from nought to `top`.

    Args:
        values: oldest first; None is a gap.
        width: letters; fewer values are put to the right.
        top: the value of the highest bar; the largest value shown if not given.
    """
    shown = values[-width:] if width > 0 else []
    highest = top or max((value for value in shown if value is not None), default=0.0)
    return "".join(_bar(value, highest) for value in shown).rjust(max(width, 0))


def _bar(value: float | None, highest: float) -> str:
    if value is None:
        return GAP
    share = min(1.0, max(0.0, value / highest)) if highest > 0 else 0.0
    return BARS[min(len(BARS) - 1, int(share * len(BARS)))]
