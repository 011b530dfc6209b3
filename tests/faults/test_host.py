"""Clocks, disks, a hung process: the machine under the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from rig.device import Device, FakeClock
from rig.front import Front, certificate
from rig.network import Network
from rig.protocols import both_protocols
from rig.server import RoomServer
from rigging.waiting import eventually

StartDevice = Callable[..., Awaitable[Device]]
StartFront = Callable[..., Awaitable[Front]]
Recovered = Callable[[int, float], None]

HOUR = 3600
YEAR = 365 * 24 * HOUR
SOON = 60.0


@pytest.mark.parametrize("shift", [HOUR, -HOUR], ids=["forward", "back"])
@both_protocols
async def test_the_clock_steps_an_hour(
    shift: int,
    network: Network,
    far_server: RoomServer,
    start_device: StartDevice,
    fake_clock: FakeClock,
    recovered: Recovered,
) -> None:
    """In a network of its own: addresses of other tests' come and go, which media does notice."""
    device = await start_device(far_server, namespace=network.device, clock=fake_clock)
    await far_server.expect_media()
    await device.expect_well()
    far_server.arrivals.forget_gaps()
    fake_clock.shift(shift)
    await asyncio.sleep(12)
    await far_server.expect_media()
    recovered(40, far_server.arrivals.longest_gap())
    assert far_server.arrivals.longest_gap() < 2
    assert (await device.expect_well()).joins == 1


@both_protocols
async def test_a_token_of_the_future(
    server: RoomServer, start_device: StartDevice, fake_clock: FakeClock, recovered: Recovered
) -> None:
    """Its `iat` is an hour ahead of the device's clock, which is set right later."""
    fake_clock.shift(-HOUR)
    device = await start_device(server, clock=fake_clock)
    status = await device.expect_problem("clock.behind", "clock.unsynchronised", within=90)
    assert not any(h.code.startswith("auth.") for h in status.health)
    assert server.peer() is None
    fake_clock.shift(0)
    recovered(18, await server.arrivals.back(time.monotonic(), within=90))
    await device.expect_well()


@both_protocols
async def test_no_clock_at_boot(
    server: RoomServer,
    start_front: StartFront,
    start_device: StartDevice,
    fake_clock: FakeClock,
    recovered: Recovered,
    tmp_path: Path,
) -> None:
    """The machine believes that it is years ago, so the certificate is not valid yet; then time comes."""
    file, context = certificate(tmp_path, "IP:127.0.0.1")
    front = await start_front(server, tls=context)
    fake_clock.shift(-4 * YEAR)
    device = await start_device(server, url=front.url, clock=fake_clock, PROVISIONING__CA_FILE=str(file))
    status = await device.expect_problem("clock.", within=90)
    assert not any(h.code.startswith(("auth.", "network.tls")) for h in status.health)
    fake_clock.shift(0)
    recovered(41, await server.arrivals.back(time.monotonic(), within=90))
    await device.expect_well()


FULL = (
    "mount -t tmpfs -o size=16k tmpfs {state}; head -c 1000000 /dev/zero >{state}/ballast 2>/dev/null || true"
)
READ_ONLY = "mount --bind {state} {state}; mount -o remount,bind,ro {state}"


@pytest.mark.parametrize(
    ("row", "mounts"),
    [
        pytest.param(42, FULL, id="full"),
        pytest.param(43, READ_ONLY, id="read-only"),
    ],
)
async def test_a_disk_that_takes_nothing(
    row: int, mounts: str, server: RoomServer, start_device: StartDevice, tmp_path: Path
) -> None:
    """The participant id has to be kept in the state directory here, and cannot be."""
    state = tmp_path / "state"
    state.mkdir()
    device = await start_device(
        server,
        participant="",
        config=Device(tmp_path).configuration(server.url).replace('participant_id = "front-door"\n', ""),
        mounts=mounts.format(state=state),
        STATE_DIRECTORY=str(state),
    )
    status = await device.expect_well()
    assert len(status.producers) == 2
    own = status.meeting.participant_id
    assert server.peer(own) is not None
    await device.kill()
    await device.start(server.url, mounts=mounts.format(state=state), STATE_DIRECTORY=str(state))
    assert (await device.expect_well()).meeting.participant_id == own, "its ghost is evicted"


async def test_torn_state_files(server: RoomServer, start_device: StartDevice) -> None:
    """Each file of the state directory as a power cut may leave it."""
    device = await start_device(server)
    await server.expect_media()
    await device.kill()
    device.state.mkdir(exist_ok=True)
    files = {path for path in device.state.rglob("*") if path.is_file()}
    for path in files | {device.state / "participant-id", device.state / "state.json"}:
        path.write_bytes(b"\x00" * 20 + b'{"half')
    await device.start(server.url)
    await server.expect_media()
    await device.expect_well()


class Systemd:
    """The part of systemd that listens to a service of Type=notify, with WatchdogSec."""

    def __init__(self, file: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(file))
        self.environ = {"NOTIFY_SOCKET": str(file), "WATCHDOG_USEC": "4000000"}
        self.last_ping = 0.0

    def listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                if b"WATCHDOG=1" in self._socket.recv(4096):
                    self.last_ping = time.monotonic()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def systemd(tmp_path: Path) -> AsyncIterator[Systemd]:
    systemd = Systemd(tmp_path / "notify")
    yield systemd
    systemd.close()


@both_protocols
async def test_a_blocked_event_loop(
    server: RoomServer, start_device: StartDevice, systemd: Systemd, recovered: Recovered
) -> None:
    """Its stacks are in the log before the watchdog's time is up; killed and started, it evicts its ghost."""
    device = await start_device(server, probe=True, **systemd.environ)
    await server.expect_media()

    async def pinged() -> bool:
        systemd.listen()
        return systemd.last_ping > 0

    await eventually(pinged, within=10, what="a ping of the watchdog")
    os.kill(device.pid, signal.SIGUSR1)

    async def overdue() -> bool:
        systemd.listen()
        return time.monotonic() - systemd.last_ping > 4

    await eventually(overdue, within=30, what="pings that stop")
    assert "a_call_that_never_returns" in device.log
    await device.kill()  # what systemd does then, with SIGABRT first
    await device.start(server.url)
    recovered(46, await server.arrivals.back(time.monotonic(), within=SOON))
    await device.expect_well()
