"""Ratios of now beside those that were recorded."""

from __future__ import annotations

import pytest
from measuring.comparing import compare, lower
from measuring.record import Figure


@pytest.mark.parametrize(
    ("now", "too_much", "word"),
    [
        (1.0, False, ""),
        (1.4, False, "more"),
        (2.0, False, "more"),
        (2.1, True, "MORE THAN"),
        (0.5, False, "less"),
    ],
)
def test_twice_as_much_is_too_much(now: float, too_much: bool, word: str) -> None:
    (seen,) = compare([Figure(name="a ratio", value=1.0)], [Figure(name="a ratio", value=now)])
    assert seen.too_much is too_much
    assert word in seen.line()
    assert seen.line().startswith(f"a ratio: {now:.2f}, recorded 1.00")


def test_a_new_ratio_is_told_and_never_too_much() -> None:
    (seen,) = compare([Figure(name="an old one", value=1.0)], [Figure(name="a new one", value=9.0)])
    assert not seen.too_much
    assert "not recorded yet" in seen.line()


def test_of_two_measurements_the_lower_one_counts() -> None:
    first = [Figure(name="one", value=1.0), Figure(name="other", value=5.0)]
    second = [Figure(name="other", value=4.0), Figure(name="one", value=2.0)]
    assert [figure.value for figure in lower(first, second)] == [1.0, 4.0]
