"""Beginning, ending, and what operators do in between."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from rig.device import Device
from rig.front import Answer, Front, http
from rig.protocols import NATIVE, WHIP, both_protocols
from rig.server import RoomServer

from edgemeet.control import Command
from edgemeet.sandbox.sandbox import Sandbox

StartDevice = Callable[..., Awaitable[Device]]
StartFront = Callable[..., Awaitable[Front]]
Recovered = Callable[[int, float], None]

SOON = 60.0
LEFT_WITHIN = 5.0  # what is promised


async def says_nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def stop(device: Device) -> float:
    began = time.monotonic()
    await device.stop()
    assert device.process is not None
    assert device.process.returncode == 0, device.log
    assert "Traceback" not in device.log
    return time.monotonic() - began


@both_protocols
async def test_terminated_in_the_meeting(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    device = await start_device(server)
    await server.expect_media()
    recovered(48, await stop(device))
    assert server.peer() is None


@pytest.mark.parametrize(
    ("protocol", "path", "fault"),
    [
        pytest.param(NATIVE, "/get-token", says_nothing, id="waiting for a token"),
        pytest.param(NATIVE, "/infra/", says_nothing, id="waiting for the API"),
        pytest.param(NATIVE, "/?", says_nothing, id="opening the websocket"),
        pytest.param(NATIVE, "/infra/", http(500), id="between two attempts"),
        pytest.param(WHIP, "/get-token", says_nothing, id="over WHIP, waiting for a token"),
        pytest.param(WHIP, "/v2/whip", says_nothing, id="over WHIP, waiting for the answer"),
        pytest.param(WHIP, "/v2/whip", http(500), id="over WHIP, between two attempts"),
    ],
    indirect=["protocol"],
)
async def test_terminated_on_the_way(
    path: str,
    fault: Answer,
    server: RoomServer,
    start_front: StartFront,
    start_device: StartDevice,
    recovered: Recovered,
) -> None:
    front = await start_front(server)
    front.faults[path] = fault
    device = await start_device(server, url=front.url)
    await device.expect(lambda s: bool(front.times(path)))
    recovered(48, await stop(device))


async def test_terminated_while_a_host_is_asked(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    device = await start_device(
        server, token_url=f"{server.url}/get-token?permissions=ask_join", MEETING__ENTRY_TIMEOUT="60"
    )
    await device.expect(lambda s: s.phase == "entering the meeting")
    await asyncio.sleep(1)
    recovered(48, await stop(device))
    await server.expect_gone(within=5)


@both_protocols
async def test_terminated_while_media_connects(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    dark(server.running)
    device = await start_device(server)
    await device.expect(lambda s: s.phase == "connecting media")
    recovered(48, await stop(device))
    await server.expect_gone(within=5)


def dark(sandbox: Sandbox) -> None:
    sandbox.stop_media(60)


@both_protocols
async def test_terminated_when_the_server_is_gone(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """Nobody takes the goodbye."""
    device = await start_device(server)
    await server.expect_media()
    dark(server.running)
    await server.stop()
    recovered(48, await stop(device))


@both_protocols
async def test_terminated_after_it_was_told_to_leave(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    device = await start_device(server)
    await server.expect_media()
    await device.tell(Command.LEAVE)
    await device.expect(lambda s: s.state == "left")
    recovered(48, await stop(device))


@both_protocols
async def test_terminated_at_once(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    """As soon as the process answers at all."""
    device = await start_device(server)
    await device.expect(lambda s: True)
    recovered(48, await stop(device))
    await server.expect_gone(within=5)


@both_protocols
async def test_killed_and_started_again(
    server: RoomServer, start_device: StartDevice, recovered: Recovered
) -> None:
    device = await start_device(server)
    await server.expect_media()
    ghost = server.device()
    await device.kill()
    await device.start(server.url)
    recovered(49, await server.arrivals.back(time.monotonic(), within=SOON))
    assert server.device() is not ghost
    assert len(server.room().peers) == 1
    await device.expect_well()


async def test_control_clients_that_flood_and_stall(server: RoomServer, start_device: StartDevice) -> None:
    """Fifty that say half a word and wait are hung up on; twenty that ask without end are answered."""
    device = await start_device(server)
    await server.expect_media()
    path = str(device.folder / "control.sock")
    stalled = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(50)]
    server.arrivals.forget_gaps()
    try:
        for each in stalled:
            each.connect(path)
            each.sendall(b"GET /v1/sta")
        began = time.monotonic()
        answers = 0
        while answers < 200:
            assert time.monotonic() - began < 60, f"{answers} answers"
            answers += sum(s is not None for s in await asyncio.gather(*(device.status() for _ in range(20))))
    finally:
        for each in stalled:
            each.close()
    assert server.arrivals.longest_gap() < 3
    assert (await device.expect_well()).joins == 1


@both_protocols
async def test_without_systemd(server: RoomServer, start_device: StartDevice) -> None:
    """No variable of systemd's, no folder made by it, no name service for its user."""
    device = await start_device(server)
    status = await device.expect_well()
    assert status.health == ()
    await server.expect_media()


async def test_a_fleet_gets_its_power_back(server: RoomServer, start_device: StartDevice) -> None:
    """Each of five devices puts its first join off by a time of its own, out of a minute."""
    quiet = {"RECOVERY__START_JITTER": "60", "MEETING__MIC": "false", "MEETING__WEBCAM": "false"}
    fleet = [await start_device(server, participant=f"device-{n}", **quiet) for n in range(5)]
    statuses = [
        await device.expect(lambda s: s.attempts > 0 or s.next_join_in is not None, within=100)
        for device in fleet
    ]
    # From each process' own start: how long that takes is not what is asked.
    due = [status.uptime + (status.next_join_in or 0) for status in statuses]
    assert all((status.next_join_in or 0) <= 60 for status in statuses)
    # Three seconds or less happen by chance once in 30,000 times.
    assert max(due) - min(due) > 3, due
    await fleet[0].tell(Command.REJOIN)
    await fleet[0].expect_well(within=100)
