"""The supervisor through weeks of random faults, on a virtual clock.

What is made up is the session and the world around it; what is real is the supervisor and every wait of it. A
simulated session takes its time to join, and tells the facts that a session would tell.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edgemeet import errors
from edgemeet.errors import EdgemeetError, Endpoint
from edgemeet.health import HealthRegistry
from edgemeet.supervisor import (
    DEFAULT_LIMITS,
    Phase,
    Remains,
    SessionFacts,
    SessionView,
    State,
    Supervisor,
    Timings,
    Wake,
)
from edgemeet.supervisor.policy import PROBE_JITTER


class _Jumping(selectors.SelectSelector):
    """Never sleeps: what it was to wait for has passed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.horizon = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            left = self.horizon - self.now
            self.now += left if timeout is None else min(timeout, left)
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return super().get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only in `pass_time`, and then at once."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds of virtual time."""
        return self._jumping.now

    def sleep_through(self, seconds: float) -> None:
        """So many seconds pass in which nothing is done, as while a machine is suspended."""
        self._jumping.now += seconds

    def pass_time(self, seconds: float) -> None:
        """Do everything that is to be done within so many seconds."""
        until = self._jumping.horizon = self.time() + seconds
        self.run_until_complete(self._until(until))

    async def _until(self, until: float) -> None:
        if until > self.time():
            await asyncio.sleep(until - self.time())
        for _ in range(3):
            await asyncio.sleep(0)


JOIN_TAKES = 0.4
DOOR = Endpoint("room.example", 443)
HOUR, DAY = 3600.0, 86_400.0

# What a server may say to an attempt, or to a participant.
REFUSALS: tuple[type[EdgemeetError], ...] = (
    errors.NetworkError,
    errors.ServerError,
    errors.RateLimited,
    errors.ClockError,
    errors.AuthError,
    errors.MeetingNotFound,
    errors.MeetingFull,
    errors.EntryDenied,
    errors.ProtocolMismatch,
    errors.ConfigError,
)
ENDS: tuple[type[EdgemeetError], ...] = (
    errors.SignalingLost,
    errors.TransportFailed,
    errors.Evicted,
    errors.DuplicateParticipant,
    errors.RemovedByHost,
    errors.RoomClosed,
    errors.ServerError,
    errors.ProtocolMismatch,
)
# The longest that a device may stay out of a world that is well again, without a word from anybody: the
# longest pause, stretched by its jitter, and the way in.
BACK_WITHIN = {
    errors.DuplicateParticipant: 1.5 * 3600 + 5,
    errors.RoomClosed: 1.5 * 60 + 5,
}
USUALLY_BACK_WITHIN = 1.5 * 120 + 5
FOR_A_PERSON = (errors.RemovedByHost, errors.ConfigError)


@dataclass
class World:
    """Everything outside: as it is for each attempt and each session."""

    refusal: EdgemeetError | None = None
    link: bool = True
    server: bool = True
    media: bool = True
    signaling: bool = True
    repairs_help: bool = True
    silent_since: float = 0.0


@dataclass
class Log:
    """What the invariants are about."""

    joins: list[tuple[float, bool]] = field(default_factory=list)
    good: set[float] = field(default_factory=set)  # when those began that led into a meeting that was well
    running: int = 0
    most_running: int = 0


class SimulatedSession:
    """One join, as the world lets it."""

    def __init__(self, loop: VirtualLoop, world: World, log: Log, on_news: Callable[[], None]) -> None:
        self._loop, self._world, self._log, self._on_news = loop, world, log, on_news
        self._began = loop.time()
        self._joined_at: float | None = None
        self._repairing: float | None = None
        self._repairs = 0
        self._moved_at = 0.0
        self._changed_at: float | None = None
        self.ended: asyncio.Future[None] = loop.create_future()

    @property
    def joined(self) -> bool:
        return self._joined_at is not None

    async def run(self) -> None:
        self._log.running += 1
        self._log.most_running = max(self._log.most_running, self._log.running)
        try:
            await asyncio.sleep(JOIN_TAKES)
            if not self._world.link:
                await asyncio.sleep(4.5)
                raise errors.NetworkError("no answer", code="network.timeout", endpoint=DOOR)
            if not self._world.server:
                raise errors.NetworkError("nothing listens", code="network.refused", endpoint=DOOR)
            if self._world.refusal is not None:
                raise self._world.refusal
            self._joined_at = self._moved_at = self._loop.time()
            self._on_news()
            await self.ended
        finally:
            try:
                await asyncio.sleep(0.2)  # leaving takes a moment too, unless it is cut short at the end
            finally:
                self._log.running -= 1
                joined_for = self._loop.time() - (self._joined_at or self._loop.time())
                if joined_for >= DEFAULT_LIMITS.sound_meeting:
                    self._log.good.add(self._began)

    def facts(self) -> SessionFacts:
        now, world = self._loop.time(), self._world
        if world.link and world.media:
            self._moved_at = now
        if self._repairing is not None and now - self._repairing > 0.3 and world.link and world.signaling:
            self._repairing = None
            self._repairs += 1
            if world.repairs_help:
                world.media = True
        return SessionFacts(
            joined=self.joined,
            age=now - self._began,
            attempt_age=0.0 if self.joined else now - self._began,
            step_age=now - self._began,
            unacknowledged=now - self._moved_at if self.joined else None,
            signaling_silent=0.1 if world.link and world.signaling else now - world.silent_since,
            repairing=None if self._repairing is None else now - self._repairing,
            repairs=self._repairs,
            network_changed=None if self._changed_at is None else now - self._changed_at,
        )

    def repair(self) -> None:
        assert self._repairing is None
        self._repairing = self._loop.time()

    def network_changed(self) -> None:
        self._changed_at = self._loop.time()

    def take_remains(self) -> Remains | None:
        return None

    def view(self) -> SessionView:
        return SessionView(
            phase=Phase.JOINED if self.joined else Phase.ENTERING,
            meeting_id="abcd",
            name="door",
            token_expires_at=None,
            peers=(),
            producers=(),
            transport=None,
            timings=Timings(began=self._began),
        )


class Weeks(RuleBasedStateMachine):
    """Random faults and commands; after each, the promises."""

    @initialize(seed=st.integers(0, 2**32))
    def power_on(self, seed: int) -> None:
        self.loop = VirtualLoop()
        self.world = World()
        self.log = Log()
        self.session: SimulatedSession | None = None
        self.probes: list[float] = []
        self.asked = False
        self.left = self.suspended = False
        self.supervisor = self.loop.run_until_complete(self._make(random.Random(seed)))
        self.task = self.loop.create_task(self.supervisor.run())
        self.loop.pass_time(1.0)

    async def _make(self, rng: random.Random) -> Supervisor:
        return Supervisor(
            self._session, HealthRegistry(), clock=self.loop.time, rng=rng, reachable=self._reachable
        )

    async def _reachable(self, endpoint: Endpoint, seconds: float) -> bool:
        assert endpoint == DOOR
        assert self.log.running == 0, "nobody knocks at a door behind which the device is"
        self.probes.append(self.loop.time())
        due = self.supervisor.view().next_join_in
        assert due is not None
        assert seconds <= due, "no join waits for a probe"
        if not self.world.link:
            await asyncio.sleep(seconds)
        return self.world.link and self.world.server

    def _session(self, on_news: Callable[[], None]) -> SimulatedSession:
        self.log.joins.append((self.loop.time(), self.asked))
        self.asked = False
        self.session = SimulatedSession(self.loop, self.world, self.log, on_news)
        return self.session

    # The world

    @rule(kind=st.sampled_from(REFUSALS), retry_after=st.none() | st.floats(0, 5000))
    def servers_refuse(self, kind: type[EdgemeetError], retry_after: float | None) -> None:
        self.world.refusal = kind("refused", retry_after=retry_after)

    @rule()
    def servers_are_well(self) -> None:
        self.world.refusal = None
        self.world.server = self.world.media = self.world.signaling = True

    @rule()
    def the_server_goes(self) -> None:
        self.world.server = False
        if self.session is not None and self.session.joined and not self.session.ended.done():
            self.session.ended.set_exception(errors.SignalingLost("the socket is gone"))
        self.loop.pass_time(0.3)

    @rule(seconds=st.floats(0.0, 1200.0))
    def the_server_is_away_from_a_meeting_that_was_well(self, seconds: float) -> None:
        """Outages of any length: back within the promised time of its end."""
        self.the_world_becomes_well_without_a_word()
        if self.supervisor.view().state is not State.JOINED:
            return
        self.loop.pass_time(DEFAULT_LIMITS.window)  # nothing of the past counts any more
        if self.supervisor.view().state is not State.JOINED:
            return
        self.the_server_goes()
        self.loop.pass_time(seconds)
        self.world.server = True
        slow = seconds > DEFAULT_LIMITS.probe_slow_after - 1
        until_noticed = DEFAULT_LIMITS.probe_slow_interval if slow else DEFAULT_LIMITS.probe_interval
        self.loop.pass_time(until_noticed + JOIN_TAKES + 0.3)
        assert self.supervisor.view().state is State.JOINED

    @rule(kind=st.sampled_from(ENDS))
    @precondition(lambda self: self.session is not None and self.session.joined)
    def the_meeting_ends(self, kind: type[EdgemeetError]) -> None:
        assert self.session is not None
        if not self.session.ended.done():
            self.session.ended.set_exception(kind("it is over"))
        self.loop.pass_time(0.3)

    @rule(helps=st.booleans(), signaling=st.booleans())
    def media_dies(self, helps: bool, signaling: bool) -> None:
        self.world.media, self.world.repairs_help, self.world.signaling = False, helps, signaling
        self.world.silent_since = self.loop.time()

    @rule()
    def the_link_is_cut(self) -> None:
        if self.world.link:
            self.world.link, self.world.silent_since = False, self.loop.time()

    @rule()
    def the_link_returns(self) -> None:
        self.world.link = True
        self.supervisor.wake(Wake.NETWORK)

    @rule(times=st.integers(1, 40), pause=st.floats(0.05, 3.0))
    def the_link_flaps(self, times: int, pause: float) -> None:
        for _ in range(times):
            self.supervisor.wake(Wake.NETWORK)
            self.loop.pass_time(pause)

    @rule(reason=st.sampled_from([Wake.CLOCK, Wake.RELOAD, Wake.MEETING]))
    def something_else_happens(self, reason: Wake) -> None:
        self.supervisor.wake(reason)
        if reason is Wake.MEETING:
            self.suspended = False

    @rule()
    def the_device_is_revoked(self) -> None:
        self.suspended = True
        self.supervisor.suspend(errors.DeviceRevoked("withdrawn"))

    # People

    @rule()
    def an_operator_leaves(self) -> None:
        self.left = True
        self.supervisor.leave()
        self.loop.pass_time(1.0)
        assert self.supervisor.view().state is State.LEFT

    @rule()
    def an_operator_rejoins(self) -> None:
        self.left = self.suspended = False
        self.asked = True
        before = len(self.log.joins)
        self.supervisor.rejoin()
        self.loop.pass_time(DEFAULT_LIMITS.join_interval + 0.5)
        assert len(self.log.joins) > before, "an operator is obeyed at once"

    # Time

    @rule(seconds=st.floats(0.0, 20.0))
    def moments_pass(self, seconds: float) -> None:
        self.loop.pass_time(seconds)

    @rule(seconds=st.floats(60.0, DAY))
    def hours_pass(self, seconds: float) -> None:
        if not (self.world.server and self.world.link):
            seconds = min(seconds, HOUR)  # thousands of probes take a while
        until = self.loop.time() + seconds
        while (left := until - self.loop.time()) > 0.001:  # sums of floats do not always come out even
            if self.supervisor.view().state is State.JOINED and left > 60.0:
                self.loop.sleep_through(left - 60.0)  # two looks a second for hours would take minutes
            self.loop.pass_time(min(left, 60.0))

    @rule()
    def the_world_becomes_well_without_a_word(self) -> None:
        self.servers_are_well()
        self.world.link = True
        if self.left or self.suspended:
            return
        error = self.supervisor.view().error
        if isinstance(error, FOR_A_PERSON):
            return
        allowed = max(
            BACK_WITHIN.get(type(error), USUALLY_BACK_WITHIN),
            1.5 * min((error.retry_after or 0.0) if error else 0.0, HOUR) + 5,
        )
        until = self.loop.time() + allowed
        while self.supervisor.view().state is not State.JOINED:
            assert self.loop.time() < until, f"out after {error!r}"
            self.loop.pass_time(5.0)

    @rule()
    def the_world_becomes_well_and_the_link_returns(self) -> None:
        before = self.supervisor.view()
        self.servers_are_well()
        self.world.link = True
        self.supervisor.wake(Wake.NETWORK)
        began = self.loop.time() - DEFAULT_LIMITS.window
        recent = [at for at, _ in self.log.joins[-100:] if at > began]
        waits_for_this = isinstance(before.error, errors.RetryableError) and not before.error.retry_after
        # Two attempts may be needed: one that was under way, and another.
        if before.state is State.WAITING and waits_for_this and len(recent) < DEFAULT_LIMITS.joins_in_window:
            self.loop.pass_time(2.0)
            assert self.supervisor.view().state is State.JOINED

    # Promises

    @invariant()
    def there_is_never_more_than_one_session(self) -> None:
        if hasattr(self, "log"):
            assert self.log.most_running <= 1

    @invariant()
    def joins_keep_their_distance(self) -> None:
        if not hasattr(self, "log"):
            return
        joins = self.log.joins[-100:]
        for (earlier, _), (later, _) in itertools.pairwise(joins):
            assert later - earlier >= DEFAULT_LIMITS.join_interval - 1e-6
        for index, (at, asked) in enumerate(joins):
            recent = [t for t, _ in joins[:index] if t > at - DEFAULT_LIMITS.window + 1e-6]
            assert asked or len(recent) < 2 * DEFAULT_LIMITS.joins_in_window
            fruitless = [t for t in recent if t not in self.log.good]
            assert asked or len(fruitless) < DEFAULT_LIMITS.joins_in_window

    @invariant()
    def probes_keep_their_distance(self) -> None:
        if not hasattr(self, "probes"):
            return
        least = DEFAULT_LIMITS.probe_first * (1 - PROBE_JITTER)
        for earlier, later in itertools.pairwise(self.probes[-100:]):
            assert later - earlier >= least - 1e-6

    @invariant()
    def every_wait_has_an_end_or_a_person(self) -> None:
        if not hasattr(self, "supervisor"):
            return
        assert not self.task.done(), self.task
        self.loop.pass_time(0.01)  # what was just asked for is begun
        view = self.supervisor.view()
        match view.state:
            case State.WAITING:
                assert view.next_join_in is not None
                assert view.next_join_in <= 1.5 * HOUR
                if view.next_join_in == 0:
                    self.loop.pass_time(1.0)
                    now = self.supervisor.view()
                    assert now.next_join_in != 0 or now.attempts > view.attempts, "due, and not begun"
            case State.HELD:
                assert self.suspended or isinstance(view.error, FOR_A_PERSON)
            case State.LEFT:
                assert self.left

    def teardown(self) -> None:
        if hasattr(self, "task"):
            self.task.cancel()
            self.loop.pass_time(10.0)
            assert self.log.running == 0, "nothing is left behind"
            self.loop.close()


# The same examples at each run; WEEKS_EXAMPLES is how many new ones to try by hand.
_EXAMPLES = int(os.environ.get("WEEKS_EXAMPLES", "0"))

TestWeeks = Weeks.TestCase
TestWeeks.settings = settings(
    max_examples=_EXAMPLES or 20,
    stateful_step_count=30,
    derandomize=not _EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
