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
