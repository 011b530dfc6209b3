"""What each error asks for: how long to stay out, and what may cut that short. Pure.

docs/recovery.md has these tables; it is made from this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgemeet.errors import (
    DuplicateParticipant,
    EdgemeetError,
    ProtocolMismatch,
    Remedy,
    RemovedByHost,
    RoomClosed,
)
from edgemeet.supervisor.facts import Wake
from edgemeet.supervisor.limits import Limits

# The part of a pause that is left to chance: a fleet must not come back in one instant.
JITTER: Final = 0.5
# The part of the time between two probes that is left to chance, for the same reason.
PROBE_JITTER: Final = 0.4
# A server that opens and fails again and again is not well: each time the next join is later.
LONGEST_OPENING_PAUSE: Final = 120.0
# Two devices with one participant id throw each other out again and again: each time the hold doubles.
LONGEST_DUPLICATE_HOLD: Final = 3600.0
# A server that asks for more than this is more likely mistaken than patient.
LONGEST_RETRY_AFTER: Final = 3600.0

ALL: Final = frozenset(Wake)
PEOPLE: Final = frozenset({Wake.MEETING, Wake.OPERATOR})


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the policy.

    Attributes:
        name: of the remedy.
        when: what it is for, in words.
        pauses: seconds out of the meeting after the first, second... failure in a row; None is for ever.
        at_last: seconds after all others.
        cut_by: what ends the pause at once.
    """

    name: str
    when: str
    pauses: tuple[float, ...]
    at_last: float | None
    cut_by: frozenset[Wake]


RETRY: Final = Rule(
    "retry",
    "may well work at the next try",
    # A server that is started again is back within seconds, a machine within a minute.
    (0.1, 1.0, 2.0, 2.0, 3.0, 6.0, 12.0, 20.0, 25.0),
    120.0,
    ALL,
)
REFRESH: Final = Rule(
    "refresh",
    "the token or the device's identity was refused; each attempt has a fresh token",
    RETRY.pauses,
    RETRY.at_last,
    ALL - {Wake.SERVER},
)
WAIT: Final = Rule(
    "wait",
    "the world has to change, not this device: asked again slowly",
    (30.0, 30.0, 30.0),
    120.0,
    ALL - {Wake.NETWORK, Wake.SERVER},
)
ROOM_CLOSED: Final = Rule("pause", "the meeting was ended for everybody", (), 60.0, PEOPLE)
YIELD: Final = Rule("yield", "somebody wants this participant out", (30.0, 30.0, 30.0), 120.0, PEOPLE)
DUPLICATE: Final = Rule(
    "duplicate", "the same participant id is used elsewhere: a long, randomised hold", (), 600.0, PEOPLE
)
REMOVED: Final = Rule("removed", "a host's word, until another word is said", (), None, PEOPLE)
STOP: Final = Rule("stop", "only a person can mend this", (), None, PEOPLE | {Wake.RELOAD})

RULES: Final = (RETRY, REFRESH, WAIT, ROOM_CLOSED, YIELD, DUPLICATE, REMOVED, STOP)

_BY_REMEDY: Final = {
    Remedy.RETRY: RETRY,
    Remedy.REFRESH: REFRESH,
    Remedy.WAIT: WAIT,
    Remedy.YIELD: YIELD,
    Remedy.STOP: STOP,
}


def rule_for(error: EdgemeetError, *, slip: bool = False) -> Rule:
    """The line of the policy that is for `error`; a slip of the other side's is no reason to wait long."""
    match error:
        case ProtocolMismatch() if slip:
            return RETRY
        case RemovedByHost():
            return REMOVED
        case DuplicateParticipant():
            return DUPLICATE
        case RoomClosed():
            return ROOM_CLOSED
        case _:
            return _BY_REMEDY[error.remedy]


def pause_after(
    error: EdgemeetError,
    failures: int,
    draw: float,
    limits: Limits,
    *,
    evictions: int = 1,
    slip: bool = False,
) -> float | None:
    """Seconds to stay out.

    Args:
        error: what ended the session.
        failures: sessions in a row that ended by an error, this one too.
        draw: from 0 to 1, for the jitter.
        limits: the numbers that are configured.
        evictions: times in a row that the participant id was used elsewhere, this one too.
        slip: see `Facts`.

    Returns:
        None where it is until somebody says otherwise.
    """
    pause = _pause(rule_for(error, slip=slip), max(failures, 1), limits, max(evictions, 1))
    if pause is None:
        return None
    return max(pause, asked_pause(error)) * (1 + JITTER * draw)


def opening_pause(openings: int, limits: Limits) -> float:
    """Seconds between two joins at least, when the second is for a server that takes connections again.

    Args:
        openings: times that it did so since a session last lasted, this one too.
        limits: the numbers that are configured.
    """
    doubled = limits.join_interval * 2.0 ** min(max(openings, 1) - 1, 16)
    return float(min(doubled, LONGEST_OPENING_PAUSE))


def probe_pause(unreachable_for: float, draw: float, limits: Limits) -> float:
    """Seconds between two probes of a server: soon at first, seldom after a long time.

    Args:
        unreachable_for: seconds since it was first found unreachable.
        draw: from 0 to 1, for the jitter.
        limits: the numbers that are configured.
    """
    if unreachable_for >= limits.probe_slow_after:
        pause = limits.probe_slow_interval
    else:
        pause = min(max(unreachable_for / 2, limits.probe_first), limits.probe_interval)
    return pause * (1 - PROBE_JITTER * draw)


def asked_pause(error: EdgemeetError) -> float:
    """Seconds that the other side asked us to stay away (Retry-After), within reason."""
    return min(error.retry_after or 0.0, LONGEST_RETRY_AFTER)


def _pause(rule: Rule, failures: int, limits: Limits, evictions: int) -> float | None:
    if rule is REMOVED:
        return limits.removal_hold
    if rule is DUPLICATE:
        doubled = limits.duplicate_hold * 2.0 ** min(evictions - 1, 16)
        return min(doubled, max(LONGEST_DUPLICATE_HOLD, limits.duplicate_hold))
    return rule.pauses[failures - 1] if failures <= len(rule.pauses) else rule.at_last
