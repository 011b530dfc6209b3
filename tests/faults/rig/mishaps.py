"""What may happen to a device in a long life: each mishap ends by itself, and media is to be back then."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from rig.device import Device
from rig.network import Network
from rig.server import RoomServer

from edgemeet.control import Command
from edgemeet.errors import ControlError
from edgemeet.sandbox.refusal import LeaveReason


@dataclass(frozen=True, slots=True)
class World:
    """What can be harmed, and the chance that decides how."""

    device: Device
    server: RoomServer
    network: Network
    random: random.Random


async def socket_killed(world: World) -> None:
    """The server ends media with it."""
    world.server.running.lingering.seconds = 0.0
    world.server.running.kill_sockets()


async def signaling_lost(world: World) -> None:
    """The server keeps media meanwhile."""
    world.server.running.lingering.seconds = 20.0
    world.server.running.kill_sockets()


async def server_restarted(world: World) -> None:
    await world.server.stop()
    await asyncio.sleep(world.random.uniform(0.5, 4))
    await world.server.start()


async def server_away(world: World) -> None:
    """For longer than the first pauses between two attempts last."""
    await world.server.stop()
    await asyncio.sleep(world.random.uniform(8, 40))
    await world.server.start()


async def media_dark(world: World) -> None:
    seconds = world.random.uniform(1, 12)
    world.server.running.stop_media(seconds)
    await asyncio.sleep(seconds)


async def cable_pulled(world: World) -> None:
    world.network.pull_cable()
    await asyncio.sleep(world.random.uniform(0.5, 12))
    world.network.plug_cable()


async def address_changed(world: World) -> None:
    world.network.change_address()


async def router_reconnected(world: World) -> None:
    world.network.rebind()


async def packets_lost(world: World) -> None:
    world.network.forward("numgen random mod 1000 < 80 drop;")
    await asyncio.sleep(world.random.uniform(2, 8))
    world.network.forward("")


async def tcp_blocked(world: World) -> None:
    world.network.forward("meta l4proto tcp drop;")
    await asyncio.sleep(world.random.uniform(1, 25))
    world.network.forward("")


async def capture_killed(world: World) -> None:
    if children := world.device.children():
        os.kill(world.random.choice(children), signal.SIGKILL)


async def capture_hung(world: World) -> None:
    if children := world.device.children():
        os.kill(world.random.choice(children), signal.SIGSTOP)
    await asyncio.sleep(4)


async def thrown_out(world: World) -> None:
    if peer := world.server.peer():
        world.server.room().leave(peer, LeaveReason.DISCONNECTED)


async def entry_denied(world: World) -> None:
    world.server.running.deny_next("abcd-efgh-ijkl")
    await _tell(world, Command.REJOIN)
    await asyncio.sleep(3)
    await _tell(world, Command.REJOIN)


async def rejoin(world: World) -> None:
    await _tell(world, Command.REJOIN)


async def off_and_on(world: World) -> None:
    await _tell(world, Command.CAMERA_OFF)
    await _tell(world, Command.MUTE)
    await asyncio.sleep(world.random.uniform(0.1, 2))
    await _tell(world, Command.UNMUTE)
    await _tell(world, Command.CAMERA_ON)


async def reloaded(world: World) -> None:
    os.kill(world.device.pid, signal.SIGHUP)


async def _tell(world: World, command: Command) -> None:
    for _ in range(5):
        try:
            await world.device.tell(command)
        except ControlError:
            await asyncio.sleep(1)  # a busy machine
        else:
            return


Mishap = Callable[[World], Awaitable[None]]

MISHAPS: Final[tuple[Mishap, ...]] = (
    socket_killed,
    signaling_lost,
    server_restarted,
    server_away,
    media_dark,
    cable_pulled,
    address_changed,
    router_reconnected,
    packets_lost,
    tcp_blocked,
    capture_killed,
    capture_hung,
    thrown_out,
    entry_denied,
    rejoin,
    off_and_on,
    reloaded,
)
