"""Begins session after session, for as long as the device is wanted in a meeting."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edgemeet.errors import EdgemeetError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.supervisor.policy import Facts, Hold, Join, Wait, next_step
from edgemeet.supervisor.views import SessionView

logger = logging.getLogger(__name__)

# A session that lasted this long was a good one: failures are counted from zero after it.
GOOD_SESSION = 30.0
# The registry's name for what concerns the meeting as a whole.
SUBJECT = "session"


class State(StrEnum):
    """Where the device stands, in one word."""

    JOINING = "joining"
    JOINED = "joined"
    WAITING = "waiting"  # joins again by itself at a known time
    HELD = "held"  # waits for a person: removed by a host, or a configuration to mend
    LEFT = "left"  # an operator told it to leave


class RunsOnce(Protocol):
    """A session, as the supervisor sees it."""

    @property
    def joined(self) -> bool:
        """In the meeting, media connected."""

    async def run(self) -> None:
        """Join and stay; raises why it ended."""

    def view(self) -> SessionView:
        """The session as it is now."""


@dataclass(frozen=True, slots=True)
class SupervisorView:
    """The supervisor as `status` shows it.

    Attributes:
        state: one word.
        since: seconds in this state.
        error: what ended the last session, or None.
        next_join_in: seconds until the next join, while waiting.
        joins: sessions that got into a meeting.
        attempts: sessions begun.
        session: the running session, if any.
    """

    state: State
    since: float
    error: EdgemeetError | None
    next_join_in: float | None
    joins: int
    attempts: int
    session: SessionView | None


class Supervisor:
    """Owns the one running session.

    Args:
        make_session: makes a new, unused session that will call its argument once it has joined.
        health: told what keeps the device out of its meeting.
        clock: seconds, monotonic.
        rng: for the jitter.
    """

    def __init__(
        self,
        make_session: Callable[[Callable[[], None]], RunsOnce],
        health: HealthRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._make_session = make_session
        self._health = health
        self._clock = clock
        self._rng = rng or random.Random()
        self._wanted = True
        self._hurry = False
        self._stop = asyncio.Event()
        self._poked = asyncio.Event()
        self._session: RunsOnce | None = None
        self._error: EdgemeetError | None = None
        self._failures = 0
        self._joins = 0
        self._attempts = 0
        self._draw = 0.0
        self._began: float | None = None
        self._ended = clock()
        self._reported: tuple[State, float] = (State.JOINING, clock())

    async def run(self) -> None:
        """Keep the device in its meeting until cancelled; then the meeting is left in order."""
        while True:
            self._poked.clear()
            step = next_step(self._facts())
            if isinstance(step, Join):
                await self._run_session()
            else:
                await self._rest(step)

    def leave(self) -> None:
        """Leave the meeting and stay out until `rejoin`."""
        self._wanted = False
        self._interrupt()

    def rejoin(self) -> None:
        """Leave if joined, and join again without waiting."""
        self._wanted = True
        self._hurry = True
        self._interrupt()

    def hurry(self) -> None:
        """Cut a wait short: the world has changed. A running session is not touched."""
        if self._session is None:
            self._hurry = True
            self._poked.set()

    def view(self) -> SupervisorView:
        """How things stand now."""
        state = self._state()
        if state is not self._reported[0]:
            self._reported = (state, self._clock())
        step = next_step(self._facts()) if state is State.WAITING else None
        return SupervisorView(
            state=state,
            since=self._clock() - self._reported[1],
            error=self._error,
            next_join_in=step.seconds if isinstance(step, Wait) else None,
            joins=self._joins,
            attempts=self._attempts,
            session=self._session.view() if self._session else None,
        )

    def _state(self) -> State:
        if self._session is not None:
            return State.JOINED if self._session.joined else State.JOINING
        if not self._wanted:
            return State.LEFT
        return State.HELD if isinstance(next_step(self._facts()), Hold) else State.WAITING

    def _facts(self) -> Facts:
        now = self._clock()
        return Facts(
            wanted=self._wanted,
            error=self._error,
            failures=self._failures,
            since_end=now - self._ended,
            since_join=None if self._began is None else now - self._began,
            hurry=self._hurry,
            draw=self._draw,
        )

    def _interrupt(self) -> None:
        self._stop.set()
        self._poked.set()

    async def _rest(self, step: Wait | Hold) -> None:
        """Wait until it is time, or until somebody pokes."""
        try:
            async with asyncio.timeout(step.seconds if isinstance(step, Wait) else None):
                await self._poked.wait()
        except TimeoutError:
            pass

    async def _run_session(self) -> None:
        self._hurry = False
        self._stop.clear()
        self._attempts += 1
        self._began = self._clock()
        self._session = self._make_session(self._note_joined)
        running = asyncio.create_task(self._session.run())
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            running.cancel()
            await asyncio.gather(running, stopped, return_exceptions=True)
            self._note_end(running)
            self._session = None

    def _note_joined(self) -> None:
        self._joins += 1
        cleared = self._health.clear(SUBJECT)
        self._error = None
        meeting = self._session.view().meeting_id if self._session else None
        logger.info("joined %s%s", meeting, f" (before: {cleared.text})" if cleared else "")

    def _note_end(self, running: asyncio.Task[None]) -> None:
        now = self._clock()
        lasted = now - (self._began or now)
        self._ended = now
        self._draw = self._rng.random()
        error = None if running.cancelled() or self._stop.is_set() else running.exception()
        if error is None:
            self._error = None
            self._failures = 0
            return
        reason = root_error(error)
        trace = None
        if not isinstance(reason, EdgemeetError):
            trace = error
            reason = EdgemeetError(f"a defect ended the session ({type(reason).__name__})", code="defect")
        self._error = reason
        self._failures = 1 if lasted >= GOOD_SESSION else self._failures + 1
        new = self._health.raise_condition(SUBJECT, reason, Severity.ERROR)
        logger.log(
            logging.WARNING if new else logging.DEBUG,
            "%s (%s); %s",
            reason.message,
            reason.code,
            self._plan(),
            exc_info=trace,
        )

    def _plan(self) -> str:
        step = next_step(self._facts())
        if isinstance(step, Wait):
            return f"joining again in {step.seconds:.1f} s"
        return "joining again at once" if isinstance(step, Join) else "waiting for an operator"


def root_error(error: BaseException) -> BaseException:
    """The one error behind an exception group: the first expected one, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [root_error(e) for e in error.exceptions]
    expected = [e for e in leaves if isinstance(e, EdgemeetError)]
    return (expected or leaves)[0]
