"""Which way in is taken next."""

from __future__ import annotations

import pytest

from edgemeet.errors import (
    AuthError,
    ClockError,
    EdgemeetError,
    NetworkError,
    ProtocolMismatch,
    RateLimited,
    RemovedByHost,
    ServerError,
    SignalingLost,
)
from edgemeet.supervisor import ProtocolChoice
from edgemeet.supervisor.protocol_choice import Fallback, is_protocols_fault

BACK_AFTER = 3600.0
FAULT = ProtocolMismatch("speaks something else")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def choice(protocol: str = "auto", clock: Clock | None = None) -> ProtocolChoice:
    return ProtocolChoice(
        protocol,  # type: ignore[arg-type]  # as the configuration has it
        after_failures=3,
        back_after=BACK_AFTER,
        clock=clock or Clock(),
    )


@pytest.mark.parametrize("protocol", ["native", "whip"])
def test_what_is_configured_is_kept(protocol: str) -> None:
    made = choice(protocol)
    for _ in range(10):
        made.failed(FAULT)
    made.back()
    assert made.choose() == protocol


def test_auto_turns_after_so_many_faults_and_back_after_a_time() -> None:
    clock = Clock()
    made = choice(clock=clock)
    for _ in range(2):
        assert not made.failed(FAULT)
        assert made.choose() == "native"
    assert made.fallback is None
    assert made.failed(FAULT)
    assert made.choose() == "whip"
    assert made.fallback == Fallback(FAULT, attempts=3)
    clock.now = BACK_AFTER - 1
    assert made.choose() == "whip"
    clock.now = BACK_AFTER
    assert made.choose() == "native"
    assert made.fallback is None


@pytest.mark.parametrize("works", [True, False], ids=["it works again", "it is still shut"])
def test_the_first_attempt_after_that_time_decides(works: bool) -> None:
    clock = Clock()
    made = choice(clock=clock)
    for _ in range(3):
        made.failed(FAULT)
    clock.now = BACK_AFTER
    made.choose()
    if works:
        made.worked()
    assert made.failed(FAULT) is not works
    assert made.choose() == ("native" if works else "whip")


def test_an_operator_brings_it_back() -> None:
    made = choice()
    for _ in range(3):
        made.failed(FAULT)
    made.back()
    assert made.fallback is None
    assert not made.failed(FAULT), "and has all its attempts"
    assert made.choose() == "native"


def test_where_the_other_door_is_shut_too_the_first_is_tried_again() -> None:
    made = choice()
    for _ in range(6):
        made.failed(FAULT)
    assert made.choose() == "native"


def test_a_session_that_works_counts_from_zero() -> None:
    made = choice()
    made.failed(FAULT)
    made.failed(FAULT)
    made.worked()
    made.failed(FAULT)
    assert made.choose() == "native"


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (FAULT, True),
        (ServerError("", code="server.no_answer"), True),
        (ServerError("", code="server.wrong_path"), True),
        (ServerError("", code="server.no_websocket"), True),
        (SignalingLost("", code="signaling.closed_by_server"), True),
        (ServerError("503"), False),
        (NetworkError("no route"), False),
        (RateLimited("slowly"), False),
        (AuthError("no"), False),
        (ClockError("1970"), False),
        (RemovedByHost("out"), False),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.code}" if isinstance(value, EdgemeetError) else None,
)
def test_only_the_protocols_own_faults_count(error: EdgemeetError, counts: bool) -> None:
    assert is_protocols_fault(error) is counts
    made = choice()
    for _ in range(3):
        made.failed(error)
    assert made.choose() == ("whip" if counts else "native")
