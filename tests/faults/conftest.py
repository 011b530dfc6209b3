"""A daemon, a room server and a network that can be harmed. `./scripts/test-faults` runs this."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from rig.device import Device, FakeClock
from rig.front import Front
from rig.network import Network
from rig.protocols import NATIVE, Protocol
from rig.recovery import Recovery, measured, write_table
from rig.server import DEVICE, RoomServer

StartDevice = Callable[..., Awaitable[Device]]
Recovered = Callable[[int, float], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With FAULTS_MEASURE only what measures is run."""
    for item in items:
        assert "FAULTS_RIG" in os.environ, "these tests change networks: run ./scripts/test-faults"
        if "FAULTS_MEASURE" in os.environ and "recovered" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="measures nothing"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With FAULTS_MEASURE each measurement is made so many times, but those that take minutes."""
    times = int(os.environ.get("FAULTS_MEASURE", "1"))
    if metafunc.definition.get_closest_marker("measured_once"):
        return
    if times > 1 and "recovered" in metafunc.fixturenames:
        metafunc.parametrize("run_number", range(times), indirect=True)


@pytest.fixture(autouse=True)
def run_number(request: pytest.FixtureRequest) -> int:
    return getattr(request, "param", 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    told = os.environ.get("FAULTS_TABLE")
    if told and "PYTEST_XDIST_WORKER" not in os.environ:
        write_table(Path(told), Path(os.environ["FAULTS_RESULTS"]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    results = os.environ.get("FAULTS_RESULTS")
    if results and "PYTEST_XDIST_WORKER" not in os.environ:
        for (row, protocol), seconds in sorted(measured(Path(results)).items()):
            told = ", ".join(f"{each:.2f}" for each in seconds)
            terminalreporter.write_line(f"row {row}, {protocol}: well again after {told} s")


@pytest.fixture
def protocol(request: pytest.FixtureRequest) -> Protocol:
    """How devices go in; see `both_protocols`."""
    return getattr(request, "param", NATIVE)


@pytest.fixture
def recovered(protocol: Protocol) -> Recovered:
    """Takes down how long a row took to be well again."""

    def take_down(row: int, seconds: float) -> None:
        if results := os.environ.get("FAULTS_RESULTS"):
            Recovery(row, protocol, seconds).append(Path(results))

    return take_down


@pytest.fixture
async def server() -> AsyncIterator[RoomServer]:
    """On loopback, started."""
    server = RoomServer()
    await server.start()
    yield server
    await server.close()


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    network.close()  # what a test that was killed left
    with network:
        yield network


@pytest.fixture
async def far_server(network: Network) -> AsyncIterator[RoomServer]:
    """Beyond the router, started."""
    server = RoomServer(network.server)
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def start_front() -> AsyncIterator[Callable[..., Awaitable[Front]]]:
    fronts: list[Front] = []

    async def start(server: RoomServer, **options: object) -> Front:
        front = Front(server.port)
        fronts.append(front)
        await front.start(**options)  # type: ignore[arg-type]  # handed through
        return front

    yield start
    for front in fronts:
        await front.close()


@pytest.fixture
def fake_clock(tmp_path: Path) -> FakeClock:
    return FakeClock(tmp_path)


@pytest.fixture
async def start_device(
    tmp_path_factory: pytest.TempPathFactory, protocol: Protocol
) -> AsyncIterator[StartDevice]:
    """Starts daemons; all have ended when the test has, also after a failure."""
    started: list[Device] = []

    async def start(
        server: RoomServer, *, participant: str = DEVICE, url: str = "", **options: object
    ) -> Device:
        device = Device(tmp_path_factory.mktemp("device"), participant, protocol)
        started.append(device)
        server.logs.append(device)
        await device.start(url or server.url, **options)  # type: ignore[arg-type]  # handed through
        return device

    yield start
    endings = await asyncio.gather(*(device.stop() for device in started), return_exceptions=True)
    for ending in endings:
        if isinstance(ending, BaseException):
            raise ending
