"""Begins session after session, for as long as the device is wanted in a meeting."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from edgemeet.beat import until_beat
from edgemeet.errors import EdgemeetError, Endpoint
from edgemeet.health import HealthRegistry
from edgemeet.poke import Poke
from edgemeet.supervisor.facts import Facts, SessionFacts, Wake
from edgemeet.supervisor.ledger import Ledger
from edgemeet.supervisor.limits import DEFAULT_LIMITS, Limits
from edgemeet.supervisor.policy import rule_for
from edgemeet.supervisor.reasons import expected
from edgemeet.supervisor.remains import Inheritance
from edgemeet.supervisor.runs_once import RunsOnce
from edgemeet.supervisor.session_health import SessionHealth
from edgemeet.supervisor.steps import LOOK, End, Hold, Join, Probe, Repair, Stay, Wait, next_step
from edgemeet.supervisor.views import State, SupervisorView

logger = logging.getLogger(__name__)


class Supervisor:
    """Owns the one running session.

    Args:
        make_session: makes a new, unused session; it calls its argument when it has joined, and whenever
            something happened that should be looked at.
        health: told what keeps the device out of its meeting.
        limits: how patient to be; see `use_limits`.
        clock_set: whether the wall clock is right, as far as the machine knows.
        reachable: tries a TCP connection for up to so many seconds, and nothing more; without it a server
            that could not be reached is not probed.
        clock: seconds, monotonic.
        rng: for the jitter.
    """

    def __init__(
        self,
        make_session: Callable[[Callable[[], None]], RunsOnce],
        health: HealthRegistry,
        *,
        limits: Limits = DEFAULT_LIMITS,
        clock_set: Callable[[], bool | None] = lambda: None,
        reachable: Callable[[Endpoint, float], Awaitable[bool]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._make_session = make_session
        self._health = SessionHealth(health)
        self._reachable = reachable
        self._limits = self._can_be_kept(limits)
        self._clock_set = clock_set
        self._clock = clock
        self._rng = rng or random.Random()
        self._wanted = True
        self._suspended: EdgemeetError | None = None
        self._replace = False
        self._poke = Poke()
        self._session: RunsOnce | None = None
        self._inheritance = Inheritance()
        self._ledger = Ledger(clock(), self._rng.random())
        self._state = (State.JOINING, clock())
        self._noted_joined = False

    async def run(self) -> None:
        """Keep the device in its meeting until cancelled; then the meeting is left in order."""
        try:
            while True:
                self._poke.clear()
                step = next_step(self._facts(), self._limits)
                match step:
                    case Join():
                        await self._run_session()
                    case Wait() | Hold():
                        await self._rest(step)
                    case _:
                        raise AssertionError(f"{step} without a session")
        finally:
            await self._inheritance.close()

    # Commands

    def leave(self) -> None:
        """Leave the meeting and stay out until `rejoin`."""
        self._wanted = False
        self._health.left()
        self._poke.give()

    def rejoin(self, by: Wake = Wake.OPERATOR) -> None:
        """Leave if joined, and join again without waiting: an operator's word, or that of new settings."""
        self._wanted = True
        self._suspended = None
        self._replace = self._session is not None
        self.wake(by)

    def wake(self, reason: Wake) -> None:
        """The world has changed: a wait that the policy says `reason` may end is ended.

        A session that works is left alone, but for another meeting, which is joined instead. One that is
        stalled, or still on its way in, is given a moment to move again when the network has changed.
        """
        self._ledger.happened(reason, self._clock())
        if reason is Wake.MEETING:
            self._suspended = None
            self._health.suspended(None)
            self._replace = self._session is not None
        if reason is Wake.NETWORK and self._session is not None:
            self._session.network_changed()
        self._poke.give()

    def suspend(self, reason: EdgemeetError) -> None:
        """The provisioning server wants the device out: leave, and hold until `wake(Wake.MEETING)`.

        An operator's `rejoin` tries all the same, and is refused by who decides.
        """
        self._suspended = reason
        self._health.suspended(reason)
        self._poke.give()

    def use_limits(self, limits: Limits) -> None:
        """Other numbers, from now on."""
        self._limits = self._can_be_kept(limits)
        self._poke.give()

    def _can_be_kept(self, limits: Limits) -> Limits:
        return limits if self._reachable is not None else replace(limits, probe=False)

    # Views

    def view(self) -> SupervisorView:
        """How things stand now."""
        self._note_state()
        state, since = self._state
        return SupervisorView(
            state=state,
            since=self._clock() - since,
            error=self._suspended or self._ledger.error,
            next_join_in=self._next_join_in() if state is State.WAITING else None,
            joins=self._ledger.joins,
            attempts=self._ledger.attempts,
            session=self._session.view() if self._session else None,
            media_remains=self._inheritance.there,
        )

    def _next_join_in(self) -> float:
        step = next_step(self._facts(), self._limits)
        return step.seconds if isinstance(step, Wait) else 0.0  # it is due, and what was before it is ending

    def _facts(self) -> Facts:
        return self._ledger.facts(
            self._clock(),
            self._limits,
            wanted=self._wanted,
            suspended=self._suspended is not None,
            replace=self._replace,
            clock_set=self._clock_set(),
            session=self._session.facts() if self._session else None,
        )

    def _note_state(self) -> None:
        """The one place that notices a transition, and writes it down."""
        state = self._state_now()
        if state is self._state[0]:
            return
        before, self._state = self._state[0], (state, self._clock())
        error = self._ledger.error
        logger.debug("%s, was %s%s", state, before, f": {error.code}" if error else "")

    def _state_now(self) -> State:
        if self._session is not None:
            return State.JOINED if self._session.joined else State.JOINING
        if not self._wanted:
            return State.LEFT
        return State.HELD if isinstance(next_step(self._facts(), self._limits), Hold) else State.WAITING

    # Between sessions

    async def _rest(self, step: Wait | Hold) -> None:
        """Wait until it is time, or until somebody pokes."""
        self._note_state()
        await self._inheritance.look(needed=not isinstance(step, Hold))
        seconds = step.seconds if isinstance(step, Wait) else None
        if isinstance(step, Wait) and step.probe is not None:
            if step.probe.seconds <= 0:
                # The join does not wait for a probe that nobody answers.
                await self._probe(step.probe.endpoint, min(self._limits.probe_timeout, step.seconds))
                return
            seconds = step.probe.seconds
        if self._inheritance.there:
            seconds = min(seconds or LOOK, LOOK)
        await self._poke.wait(seconds)

    async def _probe(self, endpoint: Endpoint, seconds: float) -> None:
        """Try whether a server takes connections, until somebody pokes."""
        assert self._reachable is not None
        self._ledger.probe_begins(self._clock())
        asking = asyncio.ensure_future(self._reachable(endpoint, seconds))
        try:
            await self._poke.wait_beside(asking, seconds + LOOK)
            if asking.done() and self._ledger.probed(asking.result(), self._clock(), self._rng.random()):
                logger.info("%s takes connections again", endpoint)
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    # A session

    async def _run_session(self) -> None:
        self._replace = self._noted_joined = False
        self._ledger.session_begins(self._clock(), self._limits)
        session = self._session = self._make_session(self._hear)
        self._note_state()
        running = asyncio.create_task(session.run())
        verdict: End | None = None
        try:
            verdict = await self._attend(session, running)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            self._note_end(running, verdict)
            self._session = None
            self._note_state()
            await self._inheritance.take(session.take_remains())

    async def _attend(self, session: RunsOnce, running: asyncio.Task[None]) -> End | None:
        """Look at the session until it ends; the answer is why it is to end, None if it did by itself."""
        while not running.done():
            self._poke.clear()
            facts = self._facts()
            self._note_path(facts.session)
            step = next_step(facts, self._limits)
            match step:
                case End():
                    return step
                case Repair():
                    logger.warning("the media transport is made anew; signaling answers")
                    session.repair()
                    continue
                case Stay(seconds=seconds):
                    await self._poke.wait_beside(running, until_beat(LOOK) if seconds == LOOK else seconds)
                case _:
                    raise AssertionError(f"{step} in a session")
            await self._inheritance.look(needed=not session.joined)
        return None

    def _hear(self) -> None:
        """The session has news."""
        if self._session is not None:
            self._note_joined(self._session)
        self._poke.give()

    def _note_joined(self, session: RunsOnce) -> None:
        if not session.joined:
            return
        if not self._noted_joined:
            self._noted_joined = True
            self._ledger.session_joined(self._clock())
            self._health.joined(session.view().meeting_id)
            self._note_state()

    def _note_path(self, session: SessionFacts | None) -> None:
        if session is None or not session.joined:
            return
        self._health.path(session, self._limits)
        if self._ledger.evictions and session.age >= self._limits.quiet_evictions:
            self._ledger.evictions = 0
            self._health.alone()

    def _note_end(self, running: asyncio.Task[None], verdict: End | None) -> None:
        trace: BaseException | None = None
        error: EdgemeetError | None = None
        if verdict is not None:
            error = verdict.error
        elif not running.cancelled() and (ended := running.exception()) is not None:
            error, trace = expected(ended)
        self._ledger.session_ended(error, self._clock(), self._rng.random(), self._limits)
        self._health.path_is_gone()
        if error is not None:
            self._health.ended(error, self._plan(error), trace)

    def _plan(self, error: EdgemeetError) -> str:
        session, self._session = self._session, None
        step = next_step(self._facts(), self._limits)
        self._session = session
        match step:
            case Wait(seconds=seconds, probe=None):
                return f"joining again in {seconds:.1f} s"
            case Wait(seconds=seconds, probe=Probe(endpoint=endpoint)):
                return f"joining again in {seconds:.1f} s, or when {endpoint} takes connections"
            case Join():
                return "joining again at once"
            case _:
                cuts = sorted(rule_for(error, slip=self._ledger.slip).cut_by)
                return f"staying out until one of these says otherwise: {', '.join(cuts)}"
