from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc.clusters import FIRST_REST, LONGEST_REST, Cluster, ClusterProber, Shown, Told, cluster_rate


def burst(*, sending: int, capacity: int, packets: int = 40, lost: int = 0, size: int = 1000) -> list[Told]:
    """Packets that leave at one rate and arrive at another, on a clock of the receiver's own."""
    told, free_at = [], 0.0
    for number in range(packets):
        left = number * 8 * size / sending
        free_at = max(free_at, left) + 8 * size / capacity
        told.append(Told(left, None if number < lost else free_at + 777.7, size))
    return told


@pytest.mark.parametrize(
    ("values", "rate"),
    [
        ({"sending": 2_000_000, "capacity": 10_000_000}, 2_000_000),  # all the way through
        ({"sending": 2_000_000, "capacity": 900_000}, 0.85 * 900_000),  # held up
        ({"sending": 2_000_000, "capacity": 900_000, "lost": 24}, 0.85 * 900_000),
        ({"sending": 2_000_000, "capacity": 900_000, "lost": 26}, None),  # too much is lost
        ({"sending": 2_000_000, "capacity": 9_000_000, "packets": 8}, None),  # too few
        ({"sending": 90_000_000, "capacity": 90_000_000, "packets": 40}, None),  # too short a time
    ],
    ids=["free", "held up", "a little lost", "much lost", "few", "short"],
)
def test_a_burst_shows_a_rate(values: dict[str, int], rate: float | None) -> None:
    shown = cluster_rate(burst(**values))
    assert (shown and shown.rate) == (None if rate is None else pytest.approx(rate, rel=0.02))
    assert shown is None or shown.limited == (values["capacity"] < values["sending"])


def test_nothing_told_is_nothing_shown() -> None:
    assert cluster_rate([]) is None
    assert cluster_rate([Told(0.0, None, 1000)] * 20) is None
    assert cluster_rate([Told(n / 100, 5.0, 1000) for n in range(20)]) is None  # all at one moment


times = st.floats(0, 10)


@given(st.lists(st.builds(Told, times, st.one_of(st.none(), times), st.integers(1, 1500)), max_size=40))
def test_a_burst_never_shows_more_than_was_sent(packets: list[Told]) -> None:
    shown = cluster_rate(packets)
    if shown is not None:
        assert shown.rate >= 0
        half = (min(p.left for p in packets) + max(p.left for p in packets)) / 2
        counted = [p for p in packets if p.left >= half - 1e-9 and p.arrived is not None]
        span = max(p.left for p in counted) - min(p.left for p in counted)
        assert shown.rate <= 8 * sum(p.size for p in counted) / span + 1


def due(prober: ClusterProber, now: float, *, estimate: int = 300_000, **more: object) -> Cluster | None:
    values = {"sending": 250_000, "wanted": 2_000_000, "clear": True} | more
    return prober.due(now, estimate=estimate, **values)


@pytest.mark.parametrize(
    "values",
    [{"wanted": 300_000}, {"clear": False}, {"sending": 590_000}],
    ids=["all have all", "a queue", "more is sent than believed"],
)
def test_no_burst(values: dict[str, object]) -> None:
    assert due(ClusterProber(), 10.0, **values) is None


def test_a_burst_is_twice_the_estimate_and_not_far_above_the_need() -> None:
    assert due(ClusterProber(), 10.0) == Cluster(350_000, pytest.approx(0.229, abs=0.001))
    rate, seconds = due(ClusterProber(), 10.0, estimate=1_900_000, sending=1_900_000) or (0, 0)
    assert rate == 300_000
    assert seconds == pytest.approx(0.267, abs=0.001)


def test_one_burst_at_a_time_and_the_next_soon_after_one_that_showed_more() -> None:
    prober = ClusterProber()
    assert due(prober, 10.0)
    assert due(prober, 100.0) is None
    assert prober.measured(Shown(600_000, limited=False), 100.0) is None
    assert due(prober, 100.5) is None
    assert due(prober, 101.1)
    assert prober.measured(Shown(580_000, limited=False), 101.5) == 580_000
    assert due(prober, 103.0, estimate=580_000)
    assert prober.measured(Shown(1_100_000, limited=False), 103.5) == 580_000


def test_what_one_burst_shows_is_forgotten_when_the_next_one_does_not() -> None:
    prober = ClusterProber()
    for now, shown in ((10.0, 600_000), (20.0, 310_000), (40.0, 600_000)):
        assert due(prober, now)
        assert prober.measured(Shown(shown, limited=False), now) is None


@pytest.mark.parametrize(
    "shown",
    [None, Shown(310_000, limited=False), Shown(500_000, limited=True)],
    ids=["nothing", "no more", "the limit"],
)
def test_bursts_in_vain_become_rare(shown: Shown | None) -> None:
    prober, bursts = ClusterProber(), []
    for tenth in range(6000):
        now = tenth / 10
        if due(prober, now):
            bursts.append(now)
            prober.measured(shown, now)
    gaps = [later - before for before, later in itertools.pairwise(bursts)]
    assert gaps[0] == pytest.approx(FIRST_REST, abs=0.2)
    assert gaps[-1] == pytest.approx(LONGEST_REST, abs=0.2)


def test_no_burst_right_after_a_fall() -> None:
    prober = ClusterProber()
    assert due(prober, 10.0, wanted=300_000) is None
    assert due(prober, 11.0, estimate=200_000) is None
    assert due(prober, 11.0 + FIRST_REST - 0.1, estimate=200_000) is None
    assert due(prober, 11.0 + FIRST_REST + 0.1, estimate=200_000)
