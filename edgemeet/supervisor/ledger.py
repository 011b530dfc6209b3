"""What the supervisor remembers of the sessions that were: the half of the facts that is history."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from edgemeet.errors import DuplicateParticipant, EdgemeetError, NetworkError, ProtocolMismatch
from edgemeet.supervisor.facts import Facts, SessionFacts, Wake
from edgemeet.supervisor.limits import Limits

# Seconds for which an event that came while a session still ran counts for the pause after it: an attempt
# that the world overtook, or a session that a lost link ended.
_STILL_NEWS = 5.0
# Nothing listened, or there was no way. A time that ran out, or a TLS handshake, says less: a probe has to.
_SHUT = frozenset({"network.refused", "network.unreachable"})

# What a join counts, of those that the limits allow, if it led into a meeting that was well: a network that
# comes and goes is not the join's fault, and the server had something of it.
_GOOD_JOIN = 0.5


@dataclass(slots=True)
class _Begun:
    """A session: when it began, and what it counts."""

    at: float
    counts: float = 1.0


class Ledger:
    """Joins, ends and events, and how long ago they were. Times are seconds on one monotonic clock."""

    def __init__(self, now: float, draw: float) -> None:
        self.began = now
        self.draw = draw
        self.error: EdgemeetError | None = None
        self.failures = 0
        self.evictions = 0
        self.slip = False
        self.attempts = 0
        self.joins = 0
        self.ended_at = now
        self._recent: deque[_Begun] = deque()
        self._joined_at: float | None = None
        self._mismatches = 0
        self._unreachable_since: float | None = None
        self._shut = False
        self._probed_at: float | None = None
        self._probe_began_at: float | None = None
        self._probe_draw = draw
        self._openings = 0
        self._woken: dict[Wake, float] = {}

    @property
    def last_join_at(self) -> float | None:
        """When the last session began."""
        return self._recent[-1].at if self._recent else None

    def happened(self, what: Wake, now: float) -> None:
        """Something that may cut a wait short."""
        self._woken[what] = now

    def session_begins(self, now: float, limits: Limits) -> None:
        """A session begins; what happened before it has had its effect."""
        self.attempts += 1
        self._joined_at = None
        self._woken.clear()
        self._recent.append(_Begun(now))
        while len(self._recent) > 1 and self._recent[0].at <= now - limits.window:
            self._recent.popleft()

    def session_joined(self, now: float) -> None:
        """It is in the meeting: what kept it out is over."""
        self.joins += 1
        self.error = None
        self._joined_at = now
        self._unreachable_since = None

    def probe_begins(self, now: float) -> None:
        """The server that could not be reached is about to be probed."""
        self._probe_began_at = now

    def probed(self, reachable: bool, now: float, draw: float) -> bool:
        """The server that could not be reached was probed; True when it takes connections again."""
        opened = reachable and self._shut
        self._shut, self._probed_at, self._probe_draw = not reachable, now, draw
        if opened:
            if self._openings == 0:
                self.failures = 0  # they tell how long it was shut, not how well it is
            self._openings += 1
            self.happened(Wake.SERVER, now)
        return opened

    def session_ended(self, error: EdgemeetError | None, now: float, draw: float, limits: Limits) -> None:
        """It ended: by an error, or as somebody wanted."""
        lasted = now - (self.last_join_at if self.last_join_at is not None else now)
        self.ended_at, self.draw = now, draw
        self._woken = {what: at for what, at in self._woken.items() if now - at <= _STILL_NEWS}
        self.error = error
        self._note_unreachable(error, now, draw)
        if lasted >= limits.good_session:
            self._openings = 0
        if lasted >= limits.quiet_evictions:
            self.evictions = 0
        if lasted >= limits.quiet_mismatches:
            self._mismatches = 0
        self._mismatches += isinstance(error, ProtocolMismatch)
        well = self._joined_at is not None and now - self._joined_at >= limits.sound_meeting
        if well and self._recent:
            self._recent[-1].counts = _GOOD_JOIN
        self.slip = isinstance(error, ProtocolMismatch) and well and self._mismatches == 1
        if error is None:
            self.failures = 0
            return
        self.failures = 1 if lasted >= limits.good_session else self.failures + 1
        if isinstance(error, DuplicateParticipant):
            self.evictions += 1

    def _note_unreachable(self, error: EdgemeetError | None, now: float, draw: float) -> None:
        self._probed_at, self._probe_draw = None, draw
        if not isinstance(error, NetworkError) or error.endpoint is None:
            self._unreachable_since, self._shut = None, False
            return
        self._shut = error.code in _SHUT
        if self._unreachable_since is None:
            self._unreachable_since = now

    def facts(
        self,
        now: float,
        limits: Limits,
        *,
        wanted: bool,
        suspended: bool,
        replace: bool,
        clock_set: bool | None,
        session: SessionFacts | None,
    ) -> Facts:
        """The history as it is at `now`, with what is so at present."""
        recent = [each for each in self._recent if each.at > now - limits.window]
        return Facts(
            wanted=wanted,
            suspended=suspended,
            replace=replace,
            error=self.error,
            failures=self.failures,
            evictions=self.evictions,
            slip=self.slip,
            since_start=now - self.began,
            since_end=now - self.ended_at,
            since_join=None if self.last_join_at is None else now - self.last_join_at,
            recent_joins=sum(each.counts for each in recent),
            window_free_in=_free_in(recent, now, limits),
            clock_set=clock_set,
            woken=frozenset(self._woken),
            draw=self.draw,
            unreachable_for=None if self._unreachable_since is None else now - self._unreachable_since,
            shut=self._shut,
            since_probe=None if self._probed_at is None else now - self._probed_at,
            since_probe_began=None if self._probe_began_at is None else now - self._probe_began_at,
            probe_draw=self._probe_draw,
            openings=self._openings,
            since_opening=now - self._woken.get(Wake.SERVER, now),
            session=session,
        )


def _free_in(recent: list[_Begun], now: float, limits: Limits) -> float:
    """Seconds until so many of them have left the window that another join is allowed."""
    left, free_in = sum(each.counts for each in recent), 0.0
    for each in recent:
        if left < limits.joins_in_window:
            break
        left -= each.counts
        free_in = each.at + limits.window - now
    return free_in
