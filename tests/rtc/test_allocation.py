from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc import EncodingLimits, allocate
from edgemeet.rtc.allocation import Allocator

LAYERS = (EncodingLimits(100, 150), EncodingLimits(120, 400), EncodingLimits(450, 1500))
limits = st.builds(
    lambda low, more: EncodingLimits(low, low + more), st.integers(0, 10**6), st.integers(0, 10**7)
)
layers = st.lists(limits, max_size=5)
budgets = st.integers(-(10**6), 10**8)


@pytest.mark.parametrize(
    ("budget", "shares"),
    [
        (0, (0, 0, 0)),
        (99, (0, 0, 0)),
        (100, (100, 0, 0)),
        (150, (150, 0, 0)),
        (269, (150, 0, 0)),
        (270, (150, 120, 0)),
        (999, (150, 400, 0)),
        (1000, (150, 400, 450)),
        (9999, (150, 400, 1500)),
    ],
)
def test_table(budget: int, shares: tuple[int, ...]) -> None:
    assert allocate(budget, LAYERS) == shares


@given(budgets, layers)
def test_never_over_budget_nor_over_a_layers_maximum(budget: int, encodings: list[EncodingLimits]) -> None:
    shares = allocate(budget, encodings)
    assert sum(shares) <= max(0, budget)
    assert all(s == 0 or e.minimum <= s <= e.maximum for s, e in zip(shares, encodings, strict=True))


@given(budgets, st.integers(0, 10**7), layers)
def test_more_budget_never_gives_less(budget: int, more: int, encodings: list[EncodingLimits]) -> None:
    less_rich = allocate(budget, encodings)
    richer = allocate(budget + more, encodings)
    assert all(a <= b for a, b in zip(less_rich, richer, strict=True))


@given(budgets, layers)
def test_lower_layers_are_full_before_higher_ones_begin(budget: int, encodings: list[EncodingLimits]) -> None:
    shares = allocate(budget, encodings)
    for index, share in enumerate(shares):
        if share:
            assert all(shares[low] == encodings[low].maximum for low in range(index))


VIDEO = (EncodingLimits(100, 150), EncodingLimits(200, 400), EncodingLimits(750, 1500))
ALL = (True, True, True)


def divide(allocator: Allocator, budget: int, seconds: range) -> list[tuple[int, ...]]:
    return [allocator.divide(budget, float(second), ALL) for second in seconds]


def test_a_layer_goes_at_once_and_returns_after_a_while_well_above_its_minimum() -> None:
    allocator = Allocator(VIDEO)
    assert allocator.divide(1300, 0.0, ALL) == (150, 400, 750)
    assert allocator.divide(1299, 1.0, ALL) == (150, 400, 0)
    assert allocator.next_return(ALL) == 150 + 400 + 900
    assert set(divide(allocator, 1449, range(2, 60))) == {(150, 400, 0)}
    assert divide(allocator, 1450, range(60, 64)) == [(150, 400, 0)] * 3 + [(150, 400, 900)]
    assert allocator.next_return(ALL) is None
    assert allocator.divide(1300, 70.0, ALL) == (150, 400, 750)


def test_a_dip_begins_the_wait_anew() -> None:
    allocator = Allocator(VIDEO)
    allocator.divide(600, 0.0, ALL)
    divide(allocator, 1450, range(1, 4))
    allocator.divide(1400, 3.5, ALL)
    assert divide(allocator, 1450, range(4, 8)) == [(150, 400, 0)] * 3 + [(150, 400, 900)]


def test_layers_return_one_after_the_other() -> None:
    allocator = Allocator(VIDEO)
    allocator.divide(150, 0.0, ALL)
    shares = divide(allocator, 5000, range(1, 9))
    assert shares == [(150, 0, 0)] * 3 + [(150, 400, 0)] * 3 + [(150, 400, 1500)] * 2


def test_a_layer_that_is_not_wanted_costs_nothing_and_returns_at_once() -> None:
    allocator = Allocator(VIDEO)
    assert allocator.divide(5000, 0.0, (True, False, True)) == (150, 0, 1500)
    assert allocator.next_return((True, False, True)) is None
    assert allocator.divide(5000, 1.0, ALL) == (150, 400, 1500)


@given(st.lists(st.tuples(budgets, st.floats(0, 10)), max_size=30), layers)
def test_no_history_goes_over_the_budget(
    history: list[tuple[int, float]], encodings: list[EncodingLimits]
) -> None:
    allocator, now = Allocator(encodings), 0.0
    wanted = [True] * len(encodings)
    for budget, step in history:
        now += step
        shares = allocator.divide(budget, now, wanted)
        assert sum(shares) <= max(0, budget)
        # What hysteresis withholds is never more than `allocate` gives.
        assert all(a <= b for a, b in zip(shares, allocate(budget, encodings), strict=True))
        # Without gaps: no layer above one that is off.
        on = [bool(share) for share in shares if share or encodings]
        assert on == sorted(on, reverse=True) or any(not e.maximum for e in encodings)
