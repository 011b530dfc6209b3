"""Sessions over the native signaling or over WHIP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from edgemeet.config import Settings
from edgemeet.daemon.way_in import WayIn
from edgemeet.errors import EdgemeetError, NetworkError, ProtocolMismatch
from edgemeet.health import HealthRegistry
from edgemeet.supervisor import Phase, RunsOnce, SessionFacts, SessionView, Timings
from edgemeet.supervisor.whip_session import WhipSession


class NativeSession:
    """Ends as it is told, before or after it was in the meeting."""

    def __init__(self, error: EdgemeetError, *, got_in: bool) -> None:
        self._error = error
        self._got_in = got_in
        self.joined = False

    async def run(self) -> None:
        raise ExceptionGroup("as a task group has it", [self._error])

    def facts(self) -> SessionFacts:
        return SessionFacts(joined=False, age=0.0)

    def repair(self) -> None: ...

    def network_changed(self) -> None: ...

    def take_remains(self) -> None: ...

    def view(self) -> SessionView:
        return SessionView(
            phase=Phase.ENTERING,
            meeting_id=None,
            name=None,
            token_expires_at=None,
            peers=(),
            producers=(),
            transport=None,
            timings=Timings(began=0.0, joined=1.0 if self._got_in else None),
        )


def way_in(
    error: EdgemeetError,
    *,
    protocol: str = "auto",
    got_in: bool = False,
    health: HealthRegistry | None = None,
) -> WayIn:
    settings = Settings.model_validate(
        {
            "meeting": {"protocol": protocol},
            # Nobody listens there.
            "whip": {"endpoint": "http://127.0.0.1:9/whip", "after_failures": 3},
        }
    )

    def native(_: Callable[[], None]) -> RunsOnce:
        return NativeSession(error, got_in=got_in)

    return WayIn(settings, httpx.AsyncClient(), "door", (), admitter=None, native=native, health=health)


async def fail(made: WayIn, times: int) -> None:
    for _ in range(times):
        with pytest.raises((ExceptionGroup, NetworkError)):
            await made(lambda: None).run()
        await asyncio.sleep(0)


def protocol_of(made: WayIn) -> str:
    return made(lambda: None).view().protocol


async def test_auto_takes_whip_after_so_many_faults_of_the_protocol_and_native_when_told() -> None:
    health = HealthRegistry()
    made = way_in(ProtocolMismatch("speaks something else"), health=health)
    await fail(made, 2)
    assert protocol_of(made) == "native"
    assert health.conditions() == ()
    await fail(made, 1)
    assert protocol_of(made) == "whip"
    (condition,) = health.conditions()
    assert condition.code == "whip.fallback"
    assert "3 attempts" in condition.text
    assert "protocol.mismatch: speaks something else" in condition.text
    made.back()
    assert protocol_of(made) == "native"
    assert health.conditions() == ()


async def test_the_other_way_is_tried_at_once_and_in_the_same_session() -> None:
    made = way_in(ProtocolMismatch("speaks something else"))
    await fail(made, 2)
    session = made(lambda: None)
    assert session.view().protocol == "native"
    with pytest.raises(NetworkError):
        await session.run()
    assert session.view().protocol == "whip"


@pytest.mark.parametrize(
    ("error", "got_in"),
    [(NetworkError("no route"), False), (ProtocolMismatch("in the meeting"), True)],
    ids=["the network's fault", "after it had joined"],
)
async def test_what_the_protocol_did_not_do_changes_nothing(error: EdgemeetError, got_in: bool) -> None:
    made = way_in(error, got_in=got_in)
    await fail(made, 10)
    assert protocol_of(made) == "native"


async def test_native_stays_native() -> None:
    made = way_in(ProtocolMismatch("speaks something else"), protocol="native")
    await fail(made, 10)
    assert protocol_of(made) == "native"


def test_whip_is_whip() -> None:
    made = way_in(ProtocolMismatch("not asked"), protocol="whip")
    assert isinstance(made(lambda: None), WhipSession)
