"""What the supervisor remembers of the sessions that were: the half of the facts that is history."""

from __future__ import annotations

from collections import deque

from edgemeet.errors import DuplicateParticipant, EdgemeetError, NetworkError, ProtocolMismatch
from edgemeet.supervisor.facts import Facts, SessionFacts, Wake
from edgemeet.supervisor.limits import Limits

# Seconds for which an event that came while a session still ran counts for the pause after it: an attempt
# that the world overtook, or a session that a lost link ended.
_STILL_NEWS = 5.0
# Nothing listened, or there was no way. A time that ran out, or a TLS handshake, says less: a probe has to.
_SHUT = frozenset({"network.refused", "network.unreachable"})


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
        self._joins_at: deque[float] = deque()
        self._joined_at: float | None = None
        self._mismatches = 0
        self._unreachable_since: float | None = None
        self._shut = False
        self._probed_at: float | None = None
        self._probe_draw = draw
        self._openings = 0
        self._woken: dict[Wake, float] = {}

    @property
    def last_join_at(self) -> float | None:
        """When the last session began."""
        return self._joins_at[-1] if self._joins_at else None

    def happened(self, what: Wake, now: float) -> None:
        """Something that may cut a wait short."""
        self._woken[what] = now

    def session_begins(self, now: float, limits: Limits) -> None:
        """A session begins; what happened before it has had its effect."""
        self.attempts += 1
        self._joined_at = None
        self._woken.clear()
        self._joins_at.append(now)
        while len(self._joins_at) > 1 and self._joins_at[0] <= now - limits.window:
            self._joins_at.popleft()

    def session_joined(self, now: float) -> None:
        """It is in the meeting: what kept it out is over."""
        self.joins += 1
        self.error = None
        self._joined_at = now
        self._unreachable_since = None

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
        recent = [at for at in self._joins_at if at > now - limits.window]
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
            recent_joins=len(recent),
            window_free_in=recent[0] + limits.window - now if recent else 0.0,
            clock_set=clock_set,
            woken=frozenset(self._woken),
            draw=self.draw,
            unreachable_for=None if self._unreachable_since is None else now - self._unreachable_since,
            shut=self._shut,
            since_probe=None if self._probed_at is None else now - self._probed_at,
            probe_draw=self._probe_draw,
            openings=self._openings,
            since_opening=now - self._woken.get(Wake.SERVER, now),
            session=session,
        )
