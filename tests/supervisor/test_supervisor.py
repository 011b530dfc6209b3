import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from edgemeet.errors import EdgemeetError, Endpoint, NetworkError, RemovedByHost, SignalingLost
from edgemeet.health import HealthRegistry
from edgemeet.supervisor import Phase, Remains, SessionFacts, SessionView, State, Supervisor, Timings, Wake
from edgemeet.supervisor.reasons import root_error

VIEW = SessionView(
    phase=Phase.JOINED,
    meeting_id="abcd-efgh-ijkl",
    name="camera",
    token_expires_at=None,
    peers=(),
    producers=(),
    transport=None,
    timings=Timings(began=0.0),
)


class ScriptedSession:
    """Joins at once; ends when told. Stands in for a session to show what the supervisor makes of its end."""

    def __init__(self, on_joined: Callable[[], None]) -> None:
        self.joined = False
        self.left = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_joined = on_joined

    async def run(self) -> None:
        self.joined = True
        self._on_joined()
        try:
            await self.ended
        finally:
            self.left = True

    def facts(self) -> SessionFacts:
        return SessionFacts(joined=self.joined, age=0.0)

    def repair(self) -> None:
        raise AssertionError("nothing to repair")

    def network_changed(self) -> None:
        pass

    def take_remains(self) -> Remains | None:
        return None

    def view(self) -> SessionView:
        return VIEW


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.sessions: list[ScriptedSession] = []
        self.health = HealthRegistry()
        self.supervisor = Supervisor(self.make, self.health, clock=lambda: self.now)

    def make(self, on_joined: Callable[[], None]) -> ScriptedSession:
        session = ScriptedSession(on_joined)
        self.sessions.append(session)
        return session

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)

    async def joined(self, count: int) -> ScriptedSession:
        await self.until(lambda: len(self.sessions) == count and self.sessions[-1].joined)
        return self.sessions[-1]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with running(Rig()) as rig:
        yield rig


@asynccontextmanager
async def running(rig: Rig) -> AsyncIterator[Rig]:
    task = asyncio.create_task(rig.supervisor.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_joins_at_once_and_leaves_in_order_when_cancelled() -> None:
    async with running(Rig()) as rig:
        session = await rig.joined(1)
        assert rig.supervisor.view().state is State.JOINED
        assert rig.supervisor.view().joins == 1
    assert session.left


async def test_a_lost_session_is_followed_by_another(rig: Rig) -> None:
    session = await rig.joined(1)
    rig.now = 100.0
    session.ended.set_exception(SignalingLost("the socket is gone"))
    await rig.until(lambda: rig.supervisor.view().state is State.WAITING)
    view = rig.supervisor.view()
    assert view.error is not None
    assert view.error.code == "signaling.lost"
    assert view.next_join_in is not None
    assert 0 < view.next_join_in < 1
    assert [c.code for c in rig.health.conditions()] == ["signaling.lost"]
    rig.now = 101.0
    await rig.joined(2)
    assert rig.supervisor.view().error is None
    assert rig.health.conditions() == ()


async def test_leave_holds_until_rejoin(rig: Rig) -> None:
    session = await rig.joined(1)
    rig.supervisor.leave()
    await rig.until(lambda: rig.supervisor.view().state is State.LEFT)
    assert session.left
    rig.now = 1e6
    await asyncio.sleep(0.05)
    assert len(rig.sessions) == 1
    rig.supervisor.rejoin()
    await rig.joined(2)


async def test_rejoin_replaces_a_running_session(rig: Rig) -> None:
    first = await rig.joined(1)
    rig.now = 10.0
    rig.supervisor.rejoin()
    await rig.joined(2)
    assert first.left
    assert rig.health.conditions() == ()


async def test_a_removal_by_a_host_is_respected_until_an_operator_says_rejoin(rig: Rig) -> None:
    session = await rig.joined(1)
    session.ended.set_exception(RemovedByHost("a host removed this device"))
    await rig.until(lambda: rig.supervisor.view().state is State.HELD)
    rig.now = 1e6
    await asyncio.sleep(0.05)
    assert len(rig.sessions) == 1
    rig.supervisor.rejoin()
    await rig.joined(2)


async def test_a_change_in_the_world_cuts_a_wait_short_but_not_a_session(rig: Rig) -> None:
    session = await rig.joined(1)
    rig.supervisor.wake(Wake.NETWORK)
    await asyncio.sleep(0.02)
    assert len(rig.sessions) == 1
    rig.now = 50.0
    session.ended.set_exception(EdgemeetError("slow"))
    await rig.until(lambda: rig.supervisor.view().state is State.WAITING)
    rig.supervisor.wake(Wake.NETWORK)
    await rig.joined(2)


async def test_a_defect_is_logged_with_its_traceback_and_does_not_stop_the_device(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    session = await rig.joined(1)
    rig.now = 60.0
    session.ended.set_exception(ZeroDivisionError("division by zero"))
    await rig.until(lambda: rig.supervisor.view().state is State.WAITING)
    assert rig.health.conditions()[0].code == "defect"
    assert any(r.exc_info for r in caplog.records)


async def test_an_equal_failure_is_a_warning_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="edgemeet")

    class Refused(ScriptedSession):
        async def run(self) -> None:
            raise SignalingLost("refused")

    class RefusedRig(Rig):
        def make(self, on_joined: Callable[[], None]) -> ScriptedSession:
            self.sessions.append(Refused(on_joined))
            return self.sessions[-1]

    rig = RefusedRig()
    async with running(rig):
        for count in range(1, 5):
            await rig.until(lambda least=count: len(rig.sessions) >= least)
            rig.now += 200.0
            rig.supervisor.wake(Wake.NETWORK)
    levels = [r.levelno for r in caplog.records if "refused" in r.getMessage()]
    assert levels[0] == logging.WARNING
    assert set(levels[1:]) == {logging.DEBUG}


async def test_a_server_that_can_be_reached_again_ends_a_wait_and_one_probe_runs_at_a_time() -> None:
    door = Endpoint("room.example", 443)
    answers: asyncio.Queue[bool] = asyncio.Queue()
    asked: list[Endpoint] = []

    async def reachable(endpoint: Endpoint, seconds: float) -> bool:
        asked.append(endpoint)
        return await answers.get()

    rig = Rig()
    rig.supervisor = Supervisor(rig.make, rig.health, clock=lambda: rig.now, reachable=reachable)
    async with running(rig):
        session = await rig.joined(1)
        rig.now = 100.0
        session.ended.set_exception(NetworkError("refused", code="network.refused", endpoint=door))
        await rig.until(lambda: rig.supervisor.view().state is State.WAITING)
        for number in (1, 2):
            rig.now += 2.0
            await rig.until(lambda least=number: len(asked) >= least)
            answers.put_nowait(number == 2)
            await asyncio.sleep(0.02)
        await rig.joined(2)
    assert asked == [door, door]
    assert 102.0 <= rig.now <= 104.0


async def test_a_probe_under_way_does_not_keep_an_operator_waiting() -> None:
    hung = asyncio.Event()

    async def reachable(endpoint: Endpoint, seconds: float) -> bool:
        hung.set()
        await asyncio.sleep(60)
        return False

    rig = Rig()
    rig.supervisor = Supervisor(rig.make, rig.health, clock=lambda: rig.now, reachable=reachable)
    async with running(rig):
        session = await rig.joined(1)
        rig.now = 100.0
        door = Endpoint("room.example", 443)
        session.ended.set_exception(NetworkError("refused", code="network.refused", endpoint=door))
        await rig.until(lambda: rig.supervisor.view().state is State.WAITING)
        rig.now = 102.0
        await asyncio.wait_for(hung.wait(), 5)
        rig.supervisor.rejoin()
        await rig.joined(2)


def test_the_expected_error_of_a_group_is_the_reason() -> None:
    lost = SignalingLost("x")
    group = BaseExceptionGroup("g", [ValueError(), BaseExceptionGroup("h", [lost])])
    assert root_error(group) is lost
    assert isinstance(root_error(BaseExceptionGroup("g", [ValueError()])), ValueError)
