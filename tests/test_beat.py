"""Those who look around do so at the same moments."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from edgemeet.beat import next_beat

MOMENTS = st.floats(min_value=0, max_value=1e7)
INTERVALS = st.sampled_from([0.125, 0.25, 0.5, 1.0])


@given(now=MOMENTS, interval=INTERVALS)
def test_the_next_moment_is_a_multiple_and_neither_at_once_nor_much_later(
    now: float, interval: float
) -> None:
    due = next_beat(now, interval)
    assert math.isclose(due / interval, round(due / interval))
    assert 0.09 * interval < due - now < 1.11 * interval


@given(now=MOMENTS, interval=INTERVALS)
def test_who_looks_more_often_looks_at_those_moments_too(now: float, interval: float) -> None:
    due = next_beat(now, interval)
    assert math.isclose(next_beat(due - interval / 2, interval / 2), due)


@given(now=MOMENTS, interval=INTERVALS, late=st.floats(min_value=0, max_value=0.05))
def test_a_late_look_is_followed_by_one_in_time(now: float, interval: float, late: float) -> None:
    due = next_beat(now, interval)
    assert math.isclose(next_beat(due + late * interval, interval), due + interval)
