"""The one thing to do now, computed from facts alone: no clock, no randomness, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from edgemeet.errors import EdgemeetError, Endpoint, MediaStalled, NetworkError, TransportFailed
from edgemeet.supervisor.facts import Facts, SessionFacts, Wake
from edgemeet.supervisor.limits import Limits
from edgemeet.supervisor.policy import (
    JITTER,
    asked_pause,
    opening_pause,
    pause_after,
    probe_pause,
    rule_for,
)

# Seconds between two looks at a running session: a tenth of the shortest time that matters.
LOOK: Final = 0.5
# Seconds; what is left of a pause after rounding would otherwise be waited for again and again.
SHORTEST_WAIT: Final = 0.001
# As that, for the wait until a number of the limits is passed.
SHORTEST_LOOK: Final = 0.01
# Seconds that the steps into the meeting take without the wait for a host (signaling's own deadline): an
# attempt that is older waits for one, and is no reason to begin anew when the network changes.
STEPS: Final = 30.0


# Seconds; a report that comes so soon after the network changed may be on what was sent before.
REPORTS_APART: Final = 1.5


@dataclass(frozen=True, slots=True)
class Join:
    """Begin a session now."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Try a TCP connection, nothing more, after so many seconds."""

    endpoint: Endpoint
    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Stay out, and look again after so many seconds; a probe before that may end the wait."""

    seconds: float
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Stay out until somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class Stay:
    """The session is well, or something in it is under way: look again after so many seconds."""

    seconds: float = LOOK


@dataclass(frozen=True, slots=True)
class Repair:
    """Make the media transport anew, on the same signaling."""


@dataclass(frozen=True, slots=True)
class End:
    """End the session: by an error, which counts as a failure, or as somebody wanted."""

    error: EdgemeetError | None = None


Step = Join | Wait | Hold | Stay | Repair | End


def next_step(facts: Facts, limits: Limits) -> Step:
    """The one thing to do now."""
    if facts.session is not None:
        return _in_session(facts, facts.session, limits)
    if not facts.wanted or facts.suspended:
        return Hold()
    rest = _rest_at_start(facts, limits) if facts.since_join is None else _rest_between(facts, limits)
    if rest is None:
        return Hold()
    return Wait(max(rest, SHORTEST_WAIT), _probe(facts, rest, limits)) if rest > 0 else Join()


def _rest_at_start(facts: Facts, limits: Limits) -> float:
    """Seconds before the first join of all."""
    if Wake.OPERATOR in facts.woken:
        return 0.0
    rest = limits.start_jitter * facts.draw - facts.since_start
    if facts.clock_set is False:
        rest = max(rest, limits.clock_wait - facts.since_start)
    return rest


def _rest_between(facts: Facts, limits: Limits) -> float | None:
    """Seconds before the next join; None is until somebody says otherwise."""
    assert facts.since_join is not None
    rest = limits.join_interval - facts.since_join
    if Wake.OPERATOR in facts.woken:
        return rest
    if facts.recent_joins >= limits.joins_in_window:
        rest = max(rest, facts.window_free_in)
    if facts.error is None:
        return rest
    cuts = facts.woken & rule_for(facts.error, slip=facts.slip).cut_by
    if cuts - {Wake.SERVER}:
        # The other side's own word on when to come back outlives what happens here.
        return max(rest, asked_pause(facts.error) - facts.since_end)
    pause = pause_after(
        facts.error, facts.failures, facts.draw, limits, evictions=facts.evictions, slip=facts.slip
    )
    if pause is None:
        return None
    if facts.shut and limits.probe:
        # Probes tell when it is worth while; this is for a way in that they do not know.
        pause = max(pause, limits.shut_pause * (1 + JITTER * facts.draw))
    until_then = max(rest, pause - facts.since_end)
    return min(until_then, _rest_after_opening(facts, rest, limits)) if cuts else until_then


def _rest_after_opening(facts: Facts, rest: float, limits: Limits) -> float:
    """Seconds before the next join, now that the server takes connections again."""
    assert facts.since_join is not None
    return max(
        rest,
        opening_pause(facts.openings, limits) - facts.since_join,
        # A whole fleet sees it at the same time.
        limits.start_jitter * facts.draw - facts.since_opening,
    )


def _probe(facts: Facts, rest: float, limits: Limits) -> Probe | None:
    """The next look at a server that could not be reached, where one is due before the next join."""
    error = facts.error
    if not limits.probe or facts.unreachable_for is None or Wake.SERVER in facts.woken:
        return None
    if not isinstance(error, NetworkError) or error.endpoint is None:
        return None
    last = facts.since_end
    if facts.since_probe is not None:
        if not facts.shut:
            return None  # it takes connections: what is wrong with it no probe can tell
        last = min(last, facts.since_probe)
    if facts.since_probe_began is not None:
        last = min(last, facts.since_probe_began)  # one that was cut short has told nothing
    seconds = probe_pause(facts.unreachable_for, facts.probe_draw, limits) - last
    if seconds < SHORTEST_WAIT:
        seconds = 0.0
    return Probe(error.endpoint, seconds) if seconds < rest else None


def _in_session(facts: Facts, session: SessionFacts, limits: Limits) -> Step:
    if not facts.wanted or facts.suspended or facts.replace:
        return End()
    if session.leaving:
        return Stay()  # an error of ours would take the place of its own: a host's word, say
    return _while_joined(session, limits) if session.joined else _while_joining(session, limits)


def _while_joining(session: SessionFacts, limits: Limits) -> Step:
    allowed = limits.attempt + limits.entry_timeout
    if session.attempt_age > allowed:
        message = f"not in the meeting after {allowed:.0f} s, and no other deadline has ended it"
        return End(TransportFailed(message, code="session.timeout"))
    changed = session.network_changed
    if changed is not None and limits.revive < changed < session.step_age < STEPS:
        # What was sent before is lost, and is repeated only after seconds.
        return End(NetworkError("the network changed during the attempt", code="network.changed"))
    return Stay()


def _while_joined(session: SessionFacts, limits: Limits) -> Step:
    if session.repairing is not None:
        if session.repairing <= limits.repair_timeout:
            return Stay()
        return End(TransportFailed(f"no new media transport within {limits.repair_timeout:g} s"))
    if session.unsent > limits.flow_timeout:
        return End(MediaStalled(f"pictures or sound come and nothing was sent for {session.unsent:.0f} s"))
    moved = _while_moved(session, limits)
    if isinstance(moved, Repair | End):
        return moved
    silence = session.unacknowledged or 0.0
    if not session.transport_lost and silence <= limits.media_timeout:
        return Stay(min(moved.seconds, limits.media_timeout - silence + SHORTEST_LOOK))
    return _while_stalled(session, silence, limits)


def _while_moved(session: SessionFacts, limits: Limits) -> Repair | End | Stay:
    """What a change of addresses and of routes asks for, by itself."""
    if session.stranded is not None:
        if session.stranded < limits.stranded:
            return Stay(limits.stranded - session.stranded + SHORTEST_LOOK)
        gone = "the address that media left from is no longer on this machine"
        return _another_way(session, session.stranded, NetworkError(gone, code="network.address_gone"))
    changed, silence = session.network_changed, session.unacknowledged or 0.0
    if changed is None or changed - silence > REPORTS_APART or session.transport_lost:
        return Stay()
    rest = limits.rerouted - min(changed, silence, session.unanswered or 0.0)
    if rest > 0:
        return Stay(min(rest + SHORTEST_LOOK, LOOK))
    lost = "the network has changed, and nothing comes back on the media path"
    return _another_way(session, changed, NetworkError(lost, code="network.changed"))


def _another_way(session: SessionFacts, age: float, lost: NetworkError) -> Repair | End:
    """Media cannot go on as it did, `age` seconds ago. What signaling has said since decides."""
    return Repair() if _signaling_answers(session, age) and session.repairs == 0 else End(lost)


def _signaling_answers(session: SessionFacts, within: float) -> bool:
    """Whether it was heard of within so many seconds, and is not being asked for most of them in vain."""
    return session.signaling_silent < within and (session.signaling_unanswered or 0.0) < within / 2


def _while_stalled(session: SessionFacts, silence: float, limits: Limits) -> Step:
    """Media does not get through. What else is heard of decides."""
    if session.transport_lost:
        lost = End(TransportFailed("the media transport is gone"))
    else:
        lost = End(MediaStalled(f"the server has acknowledged no media for {silence:.0f} s"))
    if session.transport_lost or _signaling_answers(session, limits.signaling_fresh):
        # The server is there, and only media does not reach it: a transport is less than a session.
        return Repair() if session.repairs == 0 else lost
    changed = session.network_changed
    if changed is not None and limits.revive < changed < silence:
        return lost  # the network has come back and this session has not
    return lost if silence > limits.path_timeout else Stay()
