"""What to do next, computed from facts alone: no clock, no randomness, no I/O.

The pauses, in seconds, by what the error asks for:

===========  ==================================================================
RETRY        0.3, 1, 2, 4, 8, then 15, and from the tenth failure in a row 120
REFRESH      the same, a fresh token is fetched at every attempt anyway
WAIT         30 for three failures in a row, then 120
YIELD        600 after a duplicate participant, 60 after the room was closed;
             a removal by a host is respected until an operator says `rejoin`
STOP         until an operator acts
===========  ==================================================================

Each pause is stretched by up to a half at random, so that a fleet does not come back in one instant. Two
joins are never less than a second apart, whatever ended the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgemeet.errors import DuplicateParticipant, EdgemeetError, Remedy, RemovedByHost, RoomClosed

# Below this a flapping server would be hammered; above it people would notice.
SHORTEST_JOIN_INTERVAL = 1.0

RETRY_PAUSES = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0)
RETRY_PAUSE_AT_LAST = 120.0
WAIT_PAUSES = (30.0, 30.0, 30.0)
WAIT_PAUSE_AT_LAST = 120.0
DUPLICATE_PAUSE = 600.0
ROOM_CLOSED_PAUSE = 60.0

# The part of a pause that is left to chance.
JITTER = 0.5

# A server that asks for more than this is more likely mistaken than patient.
LONGEST_RETRY_AFTER = 3600.0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the next step depends on.

    Attributes:
        wanted: an operator (or the start of the daemon) wants the device in the meeting.
        error: what ended the last session; None when none has ended, or it ended as wanted.
        failures: sessions in a row that ended by an error.
        since_end: seconds since the last session ended.
        since_join: seconds since the last session began; None when there was none.
        hurry: an operator or an event of the world asks not to wait.
        draw: a number from 0 to 1, drawn once when the session ended.
    """

    wanted: bool
    error: EdgemeetError | None
    failures: int
    since_end: float
    since_join: float | None
    hurry: bool
    draw: float


@dataclass(frozen=True, slots=True)
class Join:
    """Begin a session now."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay out until an operator or an event says otherwise."""


Step = Join | Wait | Hold


def pause_after(error: EdgemeetError, failures: int, draw: float) -> float | None:
    """Seconds to stay out after `error`, the `failures`-th in a row; None is until an operator acts."""
    pause = _pause(error, max(failures, 1))
    if pause is None:
        return None
    stretched = pause * (1 + JITTER * draw)
    return max(stretched, min(error.retry_after or 0.0, LONGEST_RETRY_AFTER))


def _pause(error: EdgemeetError, failures: int) -> float | None:
    if isinstance(error, RemovedByHost) or error.remedy is Remedy.STOP:
        return None
    if isinstance(error, DuplicateParticipant):
        return DUPLICATE_PAUSE
    if isinstance(error, RoomClosed):
        return ROOM_CLOSED_PAUSE
    if error.remedy in (Remedy.WAIT, Remedy.YIELD):
        return _at(WAIT_PAUSES, failures, WAIT_PAUSE_AT_LAST)
    return _at(RETRY_PAUSES, failures, RETRY_PAUSE_AT_LAST)


def _at(pauses: tuple[float, ...], failures: int, at_last: float) -> float:
    return pauses[failures - 1] if failures <= len(pauses) else at_last


def next_step(facts: Facts) -> Step:
    """The one thing to do now."""
    if not facts.wanted:
        return Hold()
    rest = 0.0
    if facts.error is not None and not facts.hurry:
        pause = pause_after(facts.error, facts.failures, facts.draw)
        if pause is None:
            return Hold()
        rest = pause - facts.since_end
    if facts.since_join is not None:
        rest = max(rest, SHORTEST_JOIN_INTERVAL - facts.since_join)
    return Wait(rest) if rest > 0 else Join()
