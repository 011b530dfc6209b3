"""All that the next step depends on, in one frozen model. Nothing else decides anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgemeet.errors import EdgemeetError


class Wake(StrEnum):
    """What may cut a wait short; the policy says which waits."""

    NETWORK = "network"  # a link came up, or an address changed
    SERVER = "server"  # a server that could not be reached takes connections again
    CLOCK = "clock"  # the clock was set, or became synchronised
    RELOAD = "reload"  # other settings are in force
    MEETING = "meeting"  # the provisioning server names another meeting, or lets the device in again
    OPERATOR = "operator"  # `edgemeet rejoin`


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session that runs. Ages are seconds.

    Attributes:
        joined: it is in the meeting and its media was connected.
        age: since it began.
        leaving: it has ended by itself and is on its way out; it alone knows why.
        attempt_age: since it began to get in, while it is not; over WHIP it may do that again.
        step_age: since it last came a step further on its way into the meeting.
        unacknowledged: for how long packets have been leaving that nobody acknowledged; None while nothing
            is to be acknowledged.
        unanswered: for how long the media path's other end has been asked without an answer; None when the
            last question was answered, or none was asked.
        unsent: for how long frames have been coming of which no packet left.
        signaling_silent: since the signaling server was last heard of.
        signaling_unanswered: for how long it has been asked without an answer, as it is while there is doubt;
            None when it answered. What it says by itself may come although nothing gets to it.
        transport_lost: the media transport has failed or was closed from the other side.
        stranded: for how long the address that media leaves from has been gone, while there is another way;
            None while it is there.
        repairing: for how long a new transport has been in the making; None when none is.
        repairs: transports that were made anew since media last moved for a while.
        network_changed: since the network last changed during this session, if it did.
    """

    joined: bool
    age: float
    leaving: bool = False
    attempt_age: float = 0.0
    step_age: float = 0.0
    unacknowledged: float | None = None
    unanswered: float | None = None
    unsent: float = 0.0
    signaling_silent: float = 0.0
    signaling_unanswered: float | None = None
    transport_lost: bool = False
    stranded: float | None = None
    repairing: float | None = None
    repairs: int = 0
    network_changed: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The device between and in its sessions. Ages are seconds.

    Attributes:
        wanted: an operator (or the start of the daemon) wants the device in the meeting.
        suspended: the provisioning server wants it out.
        replace: somebody wants another session in place of the running one.
        error: what ended the last session; None when none has ended, or it ended as wanted.
        failures: sessions in a row that ended by an error.
        evictions: times in a row that the same participant id joined elsewhere.
        slip: `error` is the first mismatch of the protocol, and the meeting that it ended had been well.
        since_start: since the supervisor began.
        since_end: since the last session ended.
        since_join: since the last session began; None when there was none.
        recent_joins: sessions that began within the limits' window; one that led into a meeting that was well
            counts half.
        window_free_in: until so many of them have left the window that another is allowed; 0 where one is.
        clock_set: whether the wall clock is right, as far as the machine knows; None where nobody sets it.
        woken: what happened since the last session ended, or shortly before.
        draw: a number from 0 to 1, drawn when the last session ended, or at the start.
        unreachable_for: for how long a server has not been reached; None where that is not what is wrong.
        shut: it took no connection when that was last tried.
        since_probe: since it was last probed; None when it was not since the last session ended.
        since_probe_began: since a probe was last begun, also one that was cut short; None when none was.
        probe_draw: a number from 0 to 1, drawn at that probe, or when the last session ended.
        openings: times that a server took connections again since a session last lasted.
        since_opening: since it last did so; 0 where it is none of the events in `woken`.
        session: the running session, if any.
    """

    wanted: bool = True
    suspended: bool = False
    replace: bool = False
    error: EdgemeetError | None = None
    failures: int = 0
    evictions: int = 0
    slip: bool = False
    since_start: float = 0.0
    since_end: float = 0.0
    since_join: float | None = None
    recent_joins: float = 0.0
    window_free_in: float = 0.0
    clock_set: bool | None = None
    woken: frozenset[Wake] = frozenset()
    draw: float = 0.0
    unreachable_for: float | None = None
    shut: bool = False
    since_probe: float | None = None
    since_probe_began: float | None = None
    probe_draw: float = 0.0
    openings: int = 0
    since_opening: float = 0.0
    session: SessionFacts | None = None
