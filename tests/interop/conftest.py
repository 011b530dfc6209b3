"""Real mediasoup, a daemon, and Chromium. `./scripts/interop` builds them and runs this."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, ConsoleMessage
from rig.device import Device, StartDevice
from rig.network import Coturn, Network
from rig.results import Results, Row
from rig.room_server import ROOM, RoomServer
from rig.vendor import Vendor, self_signed, tls_front
from rig.viewer import Viewer
from rigging.chromium import chromium

_results = Results()

StartVendor = Callable[..., Awaitable[Vendor]]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _results.passed.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (path := os.environ.get("INTEROP_TABLE")) and _results.rows:
        _results.write(Path(path))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Callable[..., Row]:
    """Puts a row into the table; it counts as failed unless the test passes."""

    def add(
        *,
        receiver: str,
        codec: str,
        layers: int = 1,
        sender: str = "edgemeet",
        through: str = "mediasoup",
        transport: str = "UDP",
    ) -> Row:
        row = Row(request.node.nodeid, sender, through, receiver, codec, str(layers), transport)
        _results.rows.append(row)
        return row

    return add


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RoomServer]:
    """Not started yet."""
    server = RoomServer(tmp_path / "room-server.log")
    yield server
    await server.stop()


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """One for all tests of a file: Chromium drops what it loads while addresses come and go."""
    with Network() as network:
        yield network


@pytest.fixture
async def coturn(network: Network, tmp_path: Path) -> AsyncIterator[None]:
    coturn = Coturn(tmp_path / "coturn.log")
    await coturn.start()
    yield
    await coturn.stop()


@pytest.fixture
async def start_device(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StartDevice]:
    """Starts daemons; each has ended in order when the test has."""
    started: list[Device] = []

    async def start(url: str, *, participant: str = "front-door", **environ: str) -> Device:
        device = Device(tmp_path_factory.mktemp("device"), participant)
        started.append(device)
        await device.start(url, **environ)
        return device

    yield start
    # One by one: twenty that end at once keep two cores busy for longer than each of them may take.
    # All before the first failure is told: one that is left disturbs what follows.
    failures = []
    for device in started:
        try:
            await device.stop()
        except pytest.fail.Exception as failure:
            failures.append(failure)
    for failure in failures:
        raise failure


@pytest.fixture
async def start_vendor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StartVendor]:
    """Starts the vendor's SDK in the meeting of a server that speaks plain HTTP."""
    folder = tmp_path_factory.mktemp("vendor")
    certificate, key = self_signed(folder)
    async with contextlib.AsyncExitStack() as stack:

        async def start(url: str, **options: object) -> Vendor:
            participant = Vendor(folder, certificate)
            port = await stack.enter_async_context(tls_front(certificate, key, int(url.rpartition(":")[2])))
            async with httpx.AsyncClient() as client:
                token = (await client.get(f"{url}/get-token")).json()["token"]
            stack.push_async_callback(participant.stop)
            options = {"id": "vendor", "room": ROOM} | options
            await participant.start(base_url=f"127.0.0.1:{port}", token=token, **options)
            return participant

        yield start


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture
async def viewer(browser: Browser) -> AsyncIterator[Viewer]:
    """Chromium with an empty page; the test fails when anything is written to its console as an error."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: errors.append(f"thrown: {error}"))
    yield Viewer(page)
    await page.close()
    assert errors == []


@pytest.fixture(autouse=True)
def tell_the_server_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """A failure shows what the server wrote."""
    yield
    log = tmp_path / "room-server.log"
    if log.exists() and request.node.nodeid not in _results.passed:
        sys.stderr.write(log.read_text()[-4000:])
