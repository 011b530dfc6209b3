import pytest

from edgemeet import errors
from edgemeet.errors import EdgemeetError
from edgemeet.supervisor import DEFAULT_LIMITS as LIMITS
from edgemeet.supervisor.ledger import Ledger

MISMATCH = errors.ProtocolMismatch("a frame that makes no sense")
LOST = errors.SignalingLost("x")


@pytest.mark.parametrize(
    ("sessions", "slip"),
    [
        ([(None, MISMATCH)], False),
        ([(LIMITS.sound_meeting - 0.1, MISMATCH)], False),
        ([(LIMITS.sound_meeting, MISMATCH)], True),
        ([(100.0, LOST)], False),
        ([(100.0, LOST), (100.0, MISMATCH)], True),
        ([(100.0, MISMATCH), (100.0, MISMATCH)], False),
        ([(100.0, MISMATCH), (100.0, LOST), (100.0, MISMATCH)], False),
        ([(None, MISMATCH), (100.0, MISMATCH)], False),
        ([(100.0, MISMATCH), (LIMITS.quiet_mismatches, MISMATCH)], True),
        ([(100.0, MISMATCH), (None, LOST)], False),
    ],
    ids=[
        "never in the meeting",
        "just in the meeting",
        "well before",
        "another end",
        "another end before",
        "again",
        "again, a while later",
        "it could not get in before",
        "again, long after",
        "what came last counts",
    ],
)
def test_one_mismatch_of_a_meeting_that_was_well_is_a_slip(
    sessions: list[tuple[float | None, EdgemeetError]], slip: bool
) -> None:
    """Each session was in the meeting for so many seconds, or never."""
    ledger, now = Ledger(0.0, 0.0), 0.0
    for joined_for, error in sessions:
        ledger.session_begins(now, LIMITS)
        now += 1.0
        if joined_for is not None:
            ledger.session_joined(now)
            now += joined_for
        ledger.session_ended(error, now, 0.0, LIMITS)
        now += 1.0
    assert ledger.slip is slip


@pytest.mark.parametrize(
    ("lasted", "failures"), [(0.5, 3), (LIMITS.good_session - 0.1, 3), (LIMITS.good_session, 1)]
)
def test_short_sessions_are_failures_in_a_row(lasted: float, failures: int) -> None:
    """Let in and lost again is no success: only a session that lasted begins the count anew."""
    ledger, now = Ledger(0.0, 0.0), 0.0
    for _ in range(3):
        ledger.session_begins(now, LIMITS)
        ledger.session_joined(now)
        now += lasted
        ledger.session_ended(LOST, now, 0.0, LIMITS)
    assert ledger.failures == failures


SHUT = errors.NetworkError("x", code="network.refused", endpoint=errors.Endpoint("room.example", 443))
HUNG = errors.NetworkError("x", code="network.timeout", endpoint=errors.Endpoint("room.example", 443))


def after(*ends: EdgemeetError) -> Ledger:
    """Attempts that ended so, a second each, one after the other."""
    ledger = Ledger(0.0, 0.0)
    for number, error in enumerate(ends):
        ledger.session_begins(float(number), LIMITS)
        ledger.session_ended(error, number + 1.0, 0.0, LIMITS)
    return ledger


@pytest.mark.parametrize(
    ("end", "probes", "opened"),
    [
        (SHUT, [True], [True]),
        (SHUT, [False, True, True], [False, True, False]),
        (HUNG, [True], [False]),
        (HUNG, [False, True], [False, True]),
        (SHUT, [True, False, True], [True, False, True]),
    ],
    ids=["refused", "later", "it takes connections all the time", "it took none meanwhile", "twice"],
)
def test_a_server_takes_connections_again_that_took_none(
    end: EdgemeetError, probes: list[bool], opened: list[bool]
) -> None:
    ledger = after(LOST, end)
    assert [ledger.probed(each, 10.0 + n, 0.5) for n, each in enumerate(probes)] == opened


def test_what_failed_while_a_server_was_shut_is_counted_anew_once() -> None:
    ledger = after(LOST, SHUT, SHUT, SHUT)
    assert ledger.failures == 4
    assert ledger.probed(True, 30.0, 0.0)
    assert ledger.failures == 0
    for number in range(5):
        ledger.session_begins(31.0 + number, LIMITS)
        ledger.session_ended(SHUT, 31.5 + number, 0.0, LIMITS)
        ledger.probed(True, 31.6 + number, 0.0)
    assert ledger.failures == 5, "a server that opens and shuts is not well"


def test_an_answer_ends_the_probes_and_a_session_that_lasted_the_openings() -> None:
    ledger = after(LOST, SHUT)
    ledger.probed(True, 5.0, 0.0)
    ledger.session_begins(6.0, LIMITS)
    ledger.session_ended(errors.ServerError("x"), 6.5, 0.0, LIMITS)
    facts = ledger.facts(
        7.0, LIMITS, wanted=True, suspended=False, replace=False, clock_set=None, session=None
    )
    assert (facts.unreachable_for, facts.shut, facts.openings) == (None, False, 1)
    ledger.session_begins(8.0, LIMITS)
    ledger.session_ended(LOST, 8.0 + LIMITS.good_session, 0.0, LIMITS)
    facts = ledger.facts(
        40.0, LIMITS, wanted=True, suspended=False, replace=False, clock_set=None, session=None
    )
    assert facts.openings == 0


@pytest.mark.parametrize(
    ("well_for", "counted"),
    [(None, 11.0), (LIMITS.sound_meeting - 0.1, 11.0), (LIMITS.sound_meeting, 5.5)],
    ids=["never let in", "just let in", "well"],
)
def test_a_join_that_led_into_a_meeting_that_was_well_counts_half(
    well_for: float | None, counted: float
) -> None:
    """Eleven mishaps in 74 s: nobody waits for the rest of two minutes."""
    ledger, now = Ledger(0.0, 0.0), 0.0
    for _ in range(11):
        ledger.session_begins(now, LIMITS)
        if well_for is not None:
            ledger.session_joined(now + 0.5)
        now += 0.5 + (well_for or 0.0)
        ledger.session_ended(LOST, now, 0.0, LIMITS)
        now += 1.0
    facts = ledger.facts(
        now, LIMITS, wanted=True, suspended=False, replace=False, clock_set=None, session=None
    )
    assert facts.recent_joins == counted
