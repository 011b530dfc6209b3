import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet import errors
from edgemeet.errors import EdgemeetError, Remedy
from edgemeet.supervisor import DEFAULT_LIMITS, Limits, Wake
from edgemeet.supervisor.policy import (
    DUPLICATE,
    LONGEST_RETRY_AFTER,
    REMOVED,
    RULES,
    STOP,
    pause_after,
    rule_for,
)

ALL_ERRORS = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, EdgemeetError)
]


def pause(error: EdgemeetError, failures: int = 1, draw: float = 0.0, **more: int) -> float | None:
    return pause_after(error, failures, draw, DEFAULT_LIMITS, **more)


@pytest.mark.parametrize(
    ("error", "failures", "seconds"),
    [
        (errors.SignalingLost("x"), 1, 0.1),
        (errors.NetworkError("x"), 2, 1.0),
        (errors.NetworkError("x"), 4, 2.0),
        (errors.NetworkError("x"), 9, 25.0),
        (errors.NetworkError("x"), 10, 120.0),
        (errors.NetworkError("x"), 10_000, 120.0),
        (errors.AuthError("x"), 3, 2.0),
        (errors.MeetingFull("x"), 1, 30.0),
        (errors.EntryDenied("x"), 4, 120.0),
        (errors.ClockError("x"), 1, 30.0),
        (errors.RoomClosed("x"), 1, 60.0),
        (errors.Evicted("x"), 1, 30.0),
        (errors.RemovedByHost("x"), 1, None),
        (errors.ConfigError("x"), 1, None),
        (errors.RateLimited("x", retry_after=77.0), 1, 77.0),
        (errors.RateLimited("x", retry_after=1e9), 1, LONGEST_RETRY_AFTER),
        (errors.ServerError("x", retry_after=2.0), 9, 25.0),
        (errors.ServerError("x", retry_after=9.0), 4, 9.0),
    ],
)
def test_pauses(error: EdgemeetError, failures: int, seconds: float | None) -> None:
    assert pause(error, failures) == seconds


def test_each_time_the_same_id_appears_elsewhere_the_hold_doubles_up_to_an_hour() -> None:
    error = errors.DuplicateParticipant("x")
    assert [pause(error, evictions=n) for n in (1, 2, 3, 4, 5, 1000)] == [600, 1200, 2400, 3600, 3600, 3600]
    assert pause(error, draw=1.0) == 900.0, "and two devices do not come back together"


def test_what_a_removal_costs_is_configured() -> None:
    removed = errors.RemovedByHost("x")
    assert pause_after(removed, 1, 0.0, Limits(removal_hold=300.0)) == 300.0
    assert pause_after(removed, 5, 0.0, Limits(removal_hold=None)) is None


def test_a_server_that_is_back_within_seconds_waits_for_two_or_three() -> None:
    longest = max(pause(errors.NetworkError("x"), failures, draw=1.0) or 0.0 for failures in range(1, 5))
    assert longest == 3.0


@given(failures=st.integers(1, 100), draw=st.floats(0, 1))
def test_pauses_only_grow_and_after_ten_failures_are_two_minutes(failures: int, draw: float) -> None:
    error = errors.NetworkError("x")
    now, later = pause(error, failures, draw), pause(error, failures + 1, draw)
    assert now is not None
    assert later is not None
    assert later >= now
    if failures >= 10:
        assert now >= 120


@given(
    kind=st.sampled_from(ALL_ERRORS),
    failures=st.integers(0, 10_000),
    evictions=st.integers(0, 10_000),
    draw=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e12),
)
def test_every_pause_ends_or_waits_for_a_person(
    kind: type[EdgemeetError], failures: int, evictions: int, draw: float, retry_after: float | None
) -> None:
    error = kind("x", retry_after=retry_after)
    seconds = pause(error, failures, draw, evictions=evictions)
    if seconds is None:
        assert rule_for(error) in (REMOVED, STOP)
        assert rule_for(error).cut_by >= {Wake.OPERATOR, Wake.MEETING}
    else:
        assert math.isfinite(seconds)
        assert 0 < seconds <= 1.5 * LONGEST_RETRY_AFTER
        assert seconds >= min(retry_after or 0.0, LONGEST_RETRY_AFTER), "the other side's word is honoured"


def test_an_operator_ends_every_wait_and_only_some_are_ended_by_the_network() -> None:
    assert all(Wake.OPERATOR in rule.cut_by for rule in RULES)
    assert all(Wake.MEETING in rule.cut_by for rule in RULES)
    assert Wake.NETWORK not in DUPLICATE.cut_by | REMOVED.cut_by
    assert Wake.RELOAD not in DUPLICATE.cut_by | REMOVED.cut_by


@pytest.mark.parametrize("kind", ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_rule(kind: type[EdgemeetError]) -> None:
    rule = rule_for(kind("x"))
    assert rule in RULES
    if kind.remedy is Remedy.RETRY:
        assert Wake.NETWORK in rule.cut_by
