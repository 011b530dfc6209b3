import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet import errors
from edgemeet.errors import EdgemeetError, Remedy
from edgemeet.supervisor.policy import (
    LONGEST_RETRY_AFTER,
    SHORTEST_JOIN_INTERVAL,
    Facts,
    Hold,
    Join,
    Wait,
    next_step,
    pause_after,
)

ALL_ERRORS = [
    value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, EdgemeetError)
]


def facts(**changes: object) -> Facts:
    known: dict[str, object] = {
        "wanted": True,
        "error": None,
        "failures": 0,
        "since_end": 0.0,
        "since_join": None,
        "hurry": False,
        "draw": 0.0,
    }
    return Facts(**(known | changes))


@pytest.mark.parametrize(
    ("given_facts", "step"),
    [
        (facts(), Join()),
        (facts(wanted=False), Hold()),
        (facts(wanted=False, hurry=True), Hold()),
        (facts(error=errors.SignalingLost("x"), failures=1), Wait(0.3)),
        (facts(error=errors.SignalingLost("x"), failures=1, since_end=0.4, since_join=60.0), Join()),
        (facts(error=errors.NetworkError("x"), failures=2), Wait(1.0)),
        (facts(error=errors.NetworkError("x"), failures=10), Wait(120.0)),
        (facts(error=errors.AuthError("x"), failures=3), Wait(2.0)),
        (facts(error=errors.MeetingFull("x"), failures=1), Wait(30.0)),
        (facts(error=errors.EntryDenied("x"), failures=4), Wait(120.0)),
        (facts(error=errors.DuplicateParticipant("x"), failures=1), Wait(600.0)),
        (facts(error=errors.DuplicateParticipant("x"), failures=1, draw=1.0), Wait(900.0)),
        (facts(error=errors.RoomClosed("x"), failures=1), Wait(60.0)),
        (facts(error=errors.RemovedByHost("x"), failures=1, since_end=1e9), Hold()),
        (facts(error=errors.RemovedByHost("x"), failures=1, hurry=True), Join()),
        (facts(error=errors.ConfigError("x"), failures=1), Hold()),
        (facts(error=errors.RateLimited("x", retry_after=77.0), failures=1), Wait(77.0)),
        (facts(error=errors.RateLimited("x", retry_after=1e9), failures=1), Wait(LONGEST_RETRY_AFTER)),
        (facts(error=errors.NetworkError("x"), failures=9, hurry=True, since_join=0.25), Wait(0.75)),
        (facts(error=None, since_join=0.25), Wait(0.75)),
    ],
)
def test_next_step(given_facts: Facts, step: object) -> None:
    assert next_step(given_facts) == step


@given(
    kind=st.sampled_from(ALL_ERRORS),
    failures=st.integers(0, 10_000),
    draw=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e12),
    since_join=st.floats(0, 1e6),
    hurry=st.booleans(),
)
def test_a_join_is_never_sooner_than_allowed_and_a_wait_always_ends(
    kind: type[EdgemeetError],
    failures: int,
    draw: float,
    retry_after: float | None,
    since_join: float,
    hurry: bool,
) -> None:
    error = kind("x", retry_after=retry_after)
    step = next_step(facts(error=error, failures=failures, draw=draw, since_join=since_join, hurry=hurry))
    match step:
        case Join():
            assert since_join >= SHORTEST_JOIN_INTERVAL
        case Wait(seconds=seconds):
            assert 0 < seconds <= LONGEST_RETRY_AFTER
            assert math.isfinite(seconds)
        case Hold():
            assert error.remedy is Remedy.STOP or isinstance(error, errors.RemovedByHost)


@given(failures=st.integers(1, 100), draw=st.floats(0, 1))
def test_pauses_only_grow_and_after_ten_failures_are_two_minutes(failures: int, draw: float) -> None:
    error = errors.NetworkError("x")
    now, later = pause_after(error, failures, draw), pause_after(error, failures + 1, draw)
    assert now is not None
    assert later is not None
    assert later >= now
    if failures >= 10:
        assert now >= 120
