from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc import EncodingLimits, allocate

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
