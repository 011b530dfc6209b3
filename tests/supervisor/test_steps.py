import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet import errors
from edgemeet.supervisor import DEFAULT_LIMITS as LIMITS
from edgemeet.supervisor import Facts, Limits, SessionFacts, Wake
from edgemeet.supervisor.policy import LONGEST_RETRY_AFTER
from edgemeet.supervisor.steps import (
    LOOK,
    SHORTEST_LOOK,
    End,
    Hold,
    Join,
    Probe,
    Repair,
    Stay,
    Step,
    Wait,
    next_step,
)

ALL_ERRORS = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.EdgemeetError)
]
LOST = errors.SignalingLost("x")
NETWORK, RELOAD, MEETING, OPERATOR = (
    frozenset({Wake.NETWORK}),
    frozenset({Wake.RELOAD}),
    frozenset({Wake.MEETING}),
    frozenset({Wake.OPERATOR}),
)


def ended(error: errors.EdgemeetError | None, **more: object) -> Facts:
    """After a session that ended just now, long after it began."""
    known: dict[str, object] = {"error": error, "failures": 1, "since_join": 60.0}
    return Facts(**(known | more))


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (Facts(), Join()),
        (Facts(wanted=False), Hold()),
        (Facts(suspended=True), Hold()),
        (Facts(suspended=True, woken=NETWORK), Hold()),
        (ended(LOST), Wait(0.1)),
        (ended(LOST, since_end=0.4), Join()),
        (ended(LOST, since_join=0.25), Wait(0.75)),
        (ended(None, since_join=0.25), Wait(0.75)),
        (ended(errors.NetworkError("x"), failures=12, woken=NETWORK), Join()),
        (ended(errors.NetworkError("x"), failures=12, woken=NETWORK, since_join=0.25), Wait(0.75)),
        (
            ended(errors.NetworkError("x"), woken=NETWORK, recent_joins=10, window_free_in=44.0),
            Wait(44.0),
        ),
        (ended(errors.NetworkError("x"), woken=OPERATOR, recent_joins=10, window_free_in=44.0), Join()),
        (ended(errors.RateLimited("x", retry_after=77.0), woken=NETWORK), Wait(77.0)),
        (ended(errors.RateLimited("x", retry_after=77.0), woken=OPERATOR), Join()),
        (ended(errors.MeetingFull("x"), woken=NETWORK), Wait(30.0)),
        (ended(errors.MeetingFull("x"), woken=RELOAD), Join()),
        (ended(errors.ClockError("x"), woken=frozenset({Wake.CLOCK})), Join()),
        (ended(errors.DuplicateParticipant("x"), evictions=1, woken=RELOAD), Wait(600.0)),
        (ended(errors.DuplicateParticipant("x"), evictions=2), Wait(1200.0)),
        (ended(errors.DuplicateParticipant("x"), evictions=2, woken=OPERATOR), Join()),
        (ended(errors.ProtocolMismatch("x"), woken=NETWORK), Wait(30.0)),
        (ended(errors.ProtocolMismatch("x"), slip=True), Wait(0.1)),
        (ended(errors.ProtocolMismatch("x"), slip=True, failures=3), Wait(2.0)),
        (ended(errors.ProtocolMismatch("x"), slip=True, woken=NETWORK), Join()),
        (ended(errors.MeetingFull("x"), slip=True), Wait(30.0)),
        (ended(errors.RemovedByHost("x"), since_end=1e9), Hold()),
        (ended(errors.RemovedByHost("x"), woken=NETWORK | RELOAD), Hold()),
        (ended(errors.RemovedByHost("x"), woken=MEETING), Join()),
        (ended(errors.RemovedByHost("x"), woken=OPERATOR), Join()),
        (ended(errors.ConfigError("x"), woken=NETWORK), Hold()),
        (ended(errors.ConfigError("x"), woken=RELOAD), Join()),
    ],
)
def test_between_sessions(facts: Facts, step: Step) -> None:
    assert next_step(facts, LIMITS) == step


DOOR = errors.Endpoint("room.example", 443)
SHUT = errors.NetworkError("x", code="network.refused", endpoint=DOOR)
OPENED = frozenset({Wake.SERVER})


def unreachable(**more: object) -> Facts:
    """After an attempt that was refused, in the second minute of an outage."""
    known: dict[str, object] = {"failures": 8, "unreachable_for": 90.0, "shut": True}
    return ended(SHUT, **(known | more))


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (unreachable(), Wait(30.0, Probe(DOOR, 2.0))),
        (unreachable(draw=1.0), Wait(45.0, Probe(DOOR, 2.0))),
        (unreachable(failures=12), Wait(120.0, Probe(DOOR, 2.0))),
        (unreachable(probe_draw=1.0), Wait(30.0, Probe(DOOR, 1.2))),
        (unreachable(unreachable_for=0.0), Wait(30.0, Probe(DOOR, 0.5))),
        (unreachable(unreachable_for=2.0), Wait(30.0, Probe(DOOR, 1.0))),
        (unreachable(unreachable_for=600.0), Wait(30.0, Probe(DOOR, 15.0))),
        (unreachable(since_end=1.5), Wait(28.5, Probe(DOOR, 0.5))),
        (unreachable(since_end=9.0, since_probe=0.5), Wait(21.0, Probe(DOOR, 1.5))),
        (unreachable(since_end=9.0, since_probe=3.0), Wait(21.0, Probe(DOOR, 0.0))),
        (unreachable(since_end=27.0, since_probe=2.0), Wait(3.0, Probe(DOOR, 0.0))),
        (unreachable(since_end=29.0, since_probe=2.0), Wait(1.0, Probe(DOOR, 0.0))),
        (unreachable(since_end=29.0, since_probe=0.5), Wait(1.0)),
        (unreachable(since_end=9.0, since_probe=3.0, shut=False), Wait(11.0)),
        (unreachable(since_end=9.0, since_probe=3.0, woken=NETWORK), Join()),
        (unreachable(since_end=9.0, woken=OPENED, openings=1), Join()),
        (unreachable(since_end=9.0, since_join=9.0, woken=OPENED, openings=5), Wait(7.0)),
        (unreachable(since_end=9.0, since_join=9.0, woken=OPENED, openings=12), Wait(21.0)),
        (unreachable(since_end=9.0, woken=OPENED, recent_joins=10, window_free_in=44.0), Wait(44.0)),
        (ended(errors.ServerError("x"), failures=8, since_end=1.0), Wait(19.0)),
        (ended(errors.NetworkError("x", code="network.dns"), failures=8), Wait(20.0)),
        (ended(errors.TransportFailed("x"), failures=8, woken=OPENED), Join()),
    ],
)
def test_a_server_that_cannot_be_reached_is_probed(facts: Facts, step: Step) -> None:
    assert next_step(facts, LIMITS) == step


def test_without_probes_the_pauses_are_those_of_other_errors() -> None:
    assert next_step(unreachable(), dataclasses.replace(LIMITS, probe=False)) == Wait(20.0)


def test_a_fleet_comes_back_to_a_server_as_far_apart_as_it_starts() -> None:
    facts = unreachable(since_end=9.0, woken=OPENED, openings=1, since_opening=1.0, draw=0.5)
    assert next_step(facts, Limits(start_jitter=20.0)) == Wait(9.0)


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (Facts(draw=0.5), Wait(10.0)),
        (Facts(draw=0.5, since_start=10.0), Join()),
        (Facts(draw=0.5, woken=OPERATOR), Join()),
        (Facts(clock_set=False), Wait(60.0)),
        (Facts(clock_set=False, since_start=59.0), Wait(1.0)),
        (Facts(clock_set=False, since_start=60.0), Join()),
        (Facts(clock_set=True), Join()),
        (ended(LOST, since_end=9.0, clock_set=False), Join()),
    ],
)
def test_before_the_first_join(facts: Facts, step: Step) -> None:
    assert next_step(facts, Limits(start_jitter=20.0)) == step


def running(**changes: object) -> SessionFacts:
    return dataclasses.replace(SessionFacts(joined=True, age=1000.0, step_age=900.0), **changes)


STALLED = errors.MediaStalled("")
GONE = errors.TransportFailed("")
CHANGED = errors.NetworkError("", code="network.changed")
MOVED = errors.NetworkError("", code="network.address_gone")
NEVER = errors.TransportFailed("", code="session.timeout")


@pytest.mark.parametrize(
    ("session", "step"),
    [
        (running(), Stay()),
        (running(unacknowledged=1.5), Stay(LOOK)),
        (running(unacknowledged=4.5, signaling_silent=8.0), Stay(SHORTEST_LOOK)),
        (running(unacknowledged=4.51, signaling_silent=0.5), Repair()),
        (running(unacknowledged=5.1, signaling_silent=0.5), Repair()),
        (running(unacknowledged=5.1, signaling_silent=0.5, repairs=1), End(STALLED)),
        (running(unacknowledged=5.1, signaling_silent=4.0), Stay()),
        (running(unacknowledged=5.1, signaling_silent=4.0, network_changed=0.5), Stay()),
        (running(unacknowledged=5.1, signaling_silent=4.0, network_changed=1.1), End(STALLED)),
        (running(unacknowledged=5.1, signaling_silent=4.0, network_changed=100.0), Stay()),
        (running(unacknowledged=15.1, signaling_silent=15.0), End(STALLED)),
        (running(unacknowledged=1.0, network_changed=2.0), Stay()),
        (running(transport_lost=True, signaling_silent=4.0), Repair()),
        (running(transport_lost=True, repairs=1), End(GONE)),
        (running(unacknowledged=9.0, signaling_silent=0.1, repairing=4.0), Stay()),
        (running(unacknowledged=9.0, signaling_silent=0.1, repairing=5.1), End(GONE)),
        (running(stranded=0.0), Stay(LIMITS.stranded + SHORTEST_LOOK)),
        (running(stranded=0.3, signaling_silent=0.1), Repair()),
        (running(stranded=0.3, signaling_silent=0.1, repairs=1), End(MOVED)),
        (running(stranded=0.3, signaling_silent=0.5), End(MOVED)),
        (running(stranded=0.3, signaling_silent=0.5, repairing=1.0), Stay()),
        (running(joined=False, age=1.0, step_age=1.0, stranded=9.0), Stay()),
        (running(unacknowledged=2.0, unanswered=1.7, network_changed=1.7, signaling_silent=0.5), Repair()),
        (
            running(unacknowledged=2.0, unanswered=1.7, network_changed=1.7, signaling_silent=2.0),
            End(CHANGED),
        ),
        (running(unacknowledged=2.0, unanswered=1.0, network_changed=1.0), Stay()),
        (running(unacknowledged=2.0, unanswered=1.5, network_changed=1.5), Stay(1.6 - 1.5 + SHORTEST_LOOK)),
        (
            running(unacknowledged=2.0, unanswered=1.69, network_changed=1.7, signaling_unanswered=1.69),
            End(CHANGED),
        ),
        (
            running(unacknowledged=2.0, unanswered=1.69, network_changed=1.7, signaling_unanswered=0.1),
            Repair(),
        ),
        (running(unacknowledged=5.1, signaling_silent=0.5, signaling_unanswered=3.0), Stay()),
        (running(unacknowledged=1.0, unanswered=1.7, network_changed=1.7), Stay()),
        (
            running(unacknowledged=1.7, unanswered=3.1, network_changed=3.1, signaling_silent=3.1),
            End(CHANGED),
        ),
        (running(unacknowledged=1.7, unanswered=3.3, network_changed=3.3), Stay()),
        (running(unacknowledged=2.0, unanswered=None, network_changed=1.7), Stay()),
        (running(unacknowledged=0.2, unanswered=99.0, network_changed=0.1), Stay()),
        (running(unacknowledged=2.0, unanswered=1.7, network_changed=90.0), Stay()),
        (running(unsent=19.0), Stay()),
        (running(unsent=21.0), End(STALLED)),
        (running(joined=False, attempt_age=200.0, step_age=200.0), Stay()),
        (running(joined=False, attempt_age=421.0), End(NEVER)),
        (running(joined=False, leaving=True, attempt_age=86400.0), Stay()),
        (running(joined=False, age=9.0, step_age=5.0, network_changed=0.9), Stay()),
        (running(joined=False, age=9.0, step_age=5.0, network_changed=1.1), End(CHANGED)),
        (running(joined=False, age=9.0, step_age=1.0, network_changed=1.1), Stay()),
        (running(joined=False, age=99.0, step_age=90.0, network_changed=1.1), Stay()),
    ],
)
def test_in_a_session(session: SessionFacts, step: Step) -> None:
    found = next_step(Facts(since_join=session.age, session=session), LIMITS)
    if isinstance(step, End) and isinstance(found, End):
        assert type(found.error) is type(step.error)
        assert found.error is not None
        assert step.error is not None
        assert found.error.code == step.error.code
    else:
        assert found == step


@pytest.mark.parametrize(
    "facts", [Facts(wanted=False), Facts(suspended=True), Facts(replace=True)], ids=["left", "out", "anew"]
)
def test_what_somebody_wants_ends_a_session_that_is_well(facts: Facts) -> None:
    assert next_step(dataclasses.replace(facts, session=running()), LIMITS) == End()


ages = st.floats(0, 1e6)
maybe = st.none() | ages


@given(
    kind=st.none() | st.sampled_from(ALL_ERRORS),
    retry_after=maybe,
    failures=st.integers(0, 10_000),
    evictions=st.integers(0, 100),
    since_end=ages,
    since_join=maybe,
    since_start=ages,
    recent_joins=st.integers(0, 200),
    window_free_in=st.floats(0, 120),
    clock_set=st.none() | st.booleans(),
    slip=st.booleans(),
    endpoint=st.none() | st.just(DOOR),
    unreachable_for=maybe,
    shut=st.booleans(),
    since_probe=maybe,
    probe_draw=st.floats(0, 1),
    openings=st.integers(0, 1000),
    since_opening=ages,
    woken=st.frozensets(st.sampled_from(Wake)),
    draw=st.floats(0, 1),
)
def test_a_join_is_never_sooner_than_allowed_and_a_wait_always_ends(
    kind: type[errors.EdgemeetError] | None,
    retry_after: float | None,
    endpoint: errors.Endpoint | None,
    **known: object,
) -> None:
    error = kind("x", retry_after=retry_after) if kind else None
    if isinstance(error, errors.NetworkError):
        error.endpoint = endpoint
    facts = Facts(error=error, **known)
    match next_step(facts, LIMITS):
        case Join():
            assert facts.since_join is None or facts.since_join >= LIMITS.join_interval
            if facts.since_join is not None and Wake.OPERATOR not in facts.woken:
                assert facts.recent_joins < LIMITS.joins_in_window or facts.window_free_in <= 0
        case Wait(seconds=seconds, probe=probe):
            assert 0 < seconds <= 1.5 * LONGEST_RETRY_AFTER
            assert math.isfinite(seconds)
            assert probe is None or 0 <= probe.seconds < seconds
        case Hold():
            assert isinstance(error, errors.RemovedByHost) or error.remedy is errors.Remedy.STOP
        case step:
            pytest.fail(f"{step} without a session")


@given(
    joined=st.booleans(),
    age=ages,
    attempt_age=ages,
    step_age=ages,
    unacknowledged=maybe,
    unanswered=maybe,
    unsent=ages,
    signaling_silent=ages,
    signaling_unanswered=maybe,
    transport_lost=st.booleans(),
    stranded=maybe,
    repairing=maybe,
    repairs=st.integers(0, 3),
    network_changed=maybe,
)
def test_no_session_is_kept_that_has_been_silent_for_longer_than_the_deadline(**known: object) -> None:
    session = SessionFacts(**known)
    step = next_step(Facts(since_join=session.age, session=session), LIMITS)
    assert isinstance(step, Stay | Repair | End)
    if isinstance(step, Stay) and session.joined and session.repairing is None:
        assert (session.unacknowledged or 0.0) <= LIMITS.path_timeout
        assert session.unsent <= LIMITS.flow_timeout
        assert (session.stranded or 0.0) < LIMITS.stranded
    if isinstance(step, Stay) and session.repairing is not None and session.joined:
        assert session.repairing <= LIMITS.repair_timeout
    if isinstance(step, Stay) and not session.joined:
        assert session.attempt_age <= LIMITS.attempt + LIMITS.entry_timeout
