from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc.estimator import FLOOR, GROWTH, HEADROOM, BandwidthEstimator
from edgemeet.rtc.loss import LossMeter
from edgemeet.rtc.rtcp import ReportBlock

MEGABIT = 1_000_000


def estimator(start: int = MEGABIT, **limits: int) -> BandwidthEstimator:
    return BandwidthEstimator(0.0, start=start, **limits)


@pytest.mark.parametrize(
    ("fraction", "acknowledged", "value"),
    [
        (0.0, 2 * MEGABIT, GROWTH * MEGABIT),  # room
        (0.015, 2 * MEGABIT, GROWTH * MEGABIT),
        (0.0, 700_000, HEADROOM * 700_000 + 10_000),  # more was never tried
        (0.0, 100_000, MEGABIT),  # a still picture is no congestion
        (0.05, 2 * MEGABIT, MEGABIT),  # loss of a radio
        (0.20, 2 * MEGABIT, 0.9 * MEGABIT),
        (0.28, 300_000, 0.86 * MEGABIT),
        (0.70, 300_000, 0.85 * 300_000),  # a queue that overflows
    ],
)
def test_one_report(fraction: float, acknowledged: int, value: float) -> None:
    estimate = estimator()
    estimate.reported(fraction, 1.0, acknowledged=acknowledged)
    assert estimate.value == pytest.approx(value, rel=1e-4)


def test_growth_is_eight_percent_a_second_whatever_the_rhythm_of_reports() -> None:
    seldom, often = estimator(), estimator()
    for second in range(1, 11):
        seldom.reported(0, second, acknowledged=9 * MEGABIT)
        for part in range(1, 11):
            often.reported(0, second - 1 + part / 10, acknowledged=9 * MEGABIT)
    assert seldom.value == pytest.approx(MEGABIT * 1.08**10, rel=1e-3)
    assert often.value == pytest.approx(seldom.value, rel=1e-3)


def test_no_report_is_no_growth() -> None:
    estimate = estimator()
    estimate.reported(0, 100.0, acknowledged=9 * MEGABIT)
    assert estimate.value < 1.15 * MEGABIT


def test_reductions_wait_for_the_effect_of_the_one_before() -> None:
    estimate = estimator()
    estimate.reported(0.2, 1.0, acknowledged=MEGABIT, round_trip=0.1)
    estimate.reported(0.2, 1.3, acknowledged=MEGABIT, round_trip=0.1)
    assert estimate.value == pytest.approx(0.9 * MEGABIT)
    estimate.reported(0.2, 1.5, acknowledged=MEGABIT, round_trip=0.1)
    assert estimate.value == pytest.approx(0.81 * MEGABIT)


def test_what_the_receiver_tells_is_a_cap_at_once_and_lifts_only_in_the_beginning() -> None:
    estimate = estimator()
    estimate.told(4 * MEGABIT, 1.0)
    assert estimate.value == 4 * MEGABIT
    estimate.told(300_000, 3.0)
    assert estimate.value == 300_000
    estimate.told(4 * MEGABIT, 4.0)
    assert estimate.value == 300_000
    estimate.reported(0, 5.0, acknowledged=9 * MEGABIT)
    assert 300_000 < estimate.value < 500_000


def test_a_young_transport_that_loses_packets_is_not_lifted() -> None:
    estimate = estimator()
    estimate.reported(0.05, 0.5, acknowledged=MEGABIT)
    estimate.told(4 * MEGABIT, 1.0)
    assert estimate.value == MEGABIT


def test_a_growing_round_trip_ends_growth_and_then_asks_for_less() -> None:
    estimate = estimator()
    estimate.reported(0, 1.0, acknowledged=9 * MEGABIT, round_trip=0.05)
    grown = estimate.value
    estimate.reported(0, 2.0, acknowledged=9 * MEGABIT, round_trip=0.15)
    assert estimate.value == grown
    estimate.reported(0, 3.0, acknowledged=MEGABIT, round_trip=0.6)
    assert estimate.value == grown  # one may be chance
    estimate.reported(0, 4.0, acknowledged=MEGABIT, round_trip=0.6)
    assert estimate.value == pytest.approx(0.85 * MEGABIT)


def test_a_longer_path_is_believed_after_a_minute() -> None:
    estimate = estimator()
    estimate.reported(0, 1.0, acknowledged=MEGABIT, round_trip=0.02)
    for second in range(2, 80):
        estimate.reported(0, second, acknowledged=MEGABIT, round_trip=0.3)
    before = estimate.value
    estimate.reported(0, 80, acknowledged=9 * MEGABIT, round_trip=0.3)
    assert estimate.value > before


def test_a_cut_to_300_kilobits_is_followed_within_three_reports_and_back() -> None:
    """A path that carries 300 kb/s and loses the rest, from the third second to the tenth."""
    estimate = estimator(2 * MEGABIT)
    history = []
    for second in range(1, 41):
        capacity = 300_000 if 3 <= second < 10 else 5 * MEGABIT
        arrived = min(capacity, estimate.value)
        estimate.reported(1 - arrived / estimate.value, second, acknowledged=arrived)
        history.append(estimate.value)
    assert history[4] <= 330_000
    assert min(history) >= 200_000
    assert history[-1] >= 2 * MEGABIT


@pytest.mark.parametrize(
    ("rate", "after", "value"),
    [
        (200_000, 0.1, 255_000),  # less is known already
        (340_000, 0.1, 255_000),  # about where it was congested
        (340_000, 40.0, 340_000),  # long ago
        (600_000, 0.1, 600_000),  # the path has become another one
        (9 * MEGABIT, 0.1, 2 * MEGABIT),  # the ceiling
    ],
)
def test_what_a_burst_shows(rate: int, after: float, value: int) -> None:
    estimate = estimator(ceiling=2 * MEGABIT)
    estimate.reported(0.7, 1.0, acknowledged=300_000)
    estimate.probed(rate, 1.0 + after)
    assert estimate.value == value
    assert estimate.cap == 2 * MEGABIT


events = st.lists(
    st.one_of(
        st.tuples(st.just("told"), st.floats(0, 1), st.integers(0, 10**8)),
        st.tuples(st.just("reported"), st.floats(0, 1), st.integers(0, 10**8)),
    ),
    max_size=50,
)


@given(events, st.integers(FLOOR, 10**7))
def test_the_estimate_stays_within_its_bounds(happenings: list[tuple[str, float, int]], ceiling: int) -> None:
    estimate = estimator(ceiling=ceiling)
    now, told = 0.0, 10**9
    for name, fraction, rate in happenings:
        now += fraction + 0.01
        if name == "told":
            told = rate
            estimate.told(rate, now)
        else:
            estimate.reported(fraction, now, acknowledged=rate, round_trip=fraction)
        assert FLOOR <= estimate.value <= max(FLOOR, min(ceiling, told))


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**7))
def test_more_loss_never_gives_more(fraction: float, other: float, acknowledged: int) -> None:
    low, high = sorted((fraction, other))
    lucky, unlucky = estimator(), estimator()
    lucky.reported(low, 1.0, acknowledged=acknowledged)
    unlucky.reported(high, 1.0, acknowledged=acknowledged)
    assert unlucky.value <= lucky.value


def block(ssrc: int, highest: int, fraction: int) -> ReportBlock:
    return ReportBlock(ssrc, fraction, 0, highest, 0, 0, 0)


def test_loss_is_weighed_by_packets() -> None:
    meter = LossMeter()
    meter.add(block(1, 1000, 255))  # where counting begins
    meter.add(block(2, 5000, 255))
    assert meter.take() is None
    meter.add(block(1, 1010, 128))
    assert meter.take() is None  # ten packets say nothing
    meter.add(block(2, 5090, 0))
    assert meter.take() == pytest.approx(0.05)
    assert meter.take() is None


def test_a_stream_that_begins_anew_is_not_counted() -> None:
    meter = LossMeter()
    meter.add(block(1, 60_000, 0))
    meter.add(block(1, 5, 255))
    meter.add(block(1, 105, 0))
    assert meter.take() == 0
