"""A sandbox in this process: what arrives there, and the state that faults are made of."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace

import pytest
from rigging.waiting import eventually

from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve
from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.refusal import LeaveReason
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.sandbox import Sandbox

ROOM = "abcd-efgh-ijkl"
DEVICE = "front-door"
_LOOK: float = 0.02  # seconds between two looks at the counters
_FLOW = 3  # looks in a row that must see more packets, before media counts as flowing again


class Arrivals:
    """When packets of the device arrived, and how long none did, over all of its sessions."""

    def __init__(self, server: RoomServer) -> None:
        self._server = server
        self._totals: dict[str, int] = {}
        self.last: dict[str, float] = {}
        self.first = 0.0
        self.gap: dict[str, float] = {}
        self.video_ids: list[str] = []
        self.last_of: dict[str, float] = {}

    def forget_gaps(self) -> None:
        """Measure the longest gaps from now on."""
        now = time.monotonic()
        self.gap = {}
        self.last = dict.fromkeys(self.last, now)

    async def run(self) -> None:
        while True:
            self._look(time.monotonic())
            await asyncio.sleep(_LOOK)

    def _look(self, now: float) -> None:
        peer = self._server.peer()
        for producer in tuple(peer.producers.values()) if peer else ():
            total = sum(encoding.packets for encoding in producer.encodings)
            if total <= self._totals.get(producer.id, 0):
                continue
            self._totals[producer.id] = total
            self.last_of[producer.id] = now
            kind = producer.kind
            self.first = self.first or now
            if kind == "video" and producer.id not in self.video_ids:
                self.video_ids.append(producer.id)
            silent = now - self.last.get(kind, now)
            self.gap[kind] = max(self.gap.get(kind, 0.0), silent)
            self.last[kind] = now

    def longest_gap(self, kind: str = "video") -> float:
        """Seconds, the one that lasts still included."""
        return max(self.gap.get(kind, 0.0), time.monotonic() - self.last.get(kind, time.monotonic()))

    async def back(self, since: float, *, within: float, kind: str = "video") -> float:
        """Seconds from `since` until media arrived again and went on arriving; fails after `within`."""
        first: float | None = None
        looks = 0
        seen = dict(self._totals)
        deadline = since + within
        while time.monotonic() < deadline:
            await asyncio.sleep(_LOOK)
            last = self.last.get(kind, 0.0)
            if last <= since or self._totals == seen:
                if first is not None and time.monotonic() - last > 1.0:
                    first, looks = None, 0
                continue
            seen = dict(self._totals)
            first = first if first is not None else max(last, since)
            looks += 1
            if looks >= _FLOW:
                return first - since
        pytest.fail(f"no {kind} at the server within {within:g} s\n{self._server.devices_log()}")


class RoomServer:
    """A sandbox that can be taken away and put back at the same port.

    Args:
        host: the address it is bound to.
        options: of the sandbox; the address is filled in.
    """

    def __init__(self, host: str = "127.0.0.1", options: SandboxOptions | None = None) -> None:
        base = options or SandboxOptions()
        # One key pair for all of its lives: tokens outlive a restart, as the cloud's do.
        self.options = replace(base, host=host, port=0, rooms=(ROOM,), admin=False)
        self.sandbox: Sandbox | None = None
        self.arrivals = Arrivals(self)
        self.url = ""
        self.logs: list[object] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
        self.sandbox = Sandbox(self.options)
        self._serving = asyncio.create_task(serve(self.options, ready=ready.set_result, sandbox=self.sandbox))
        await asyncio.wait((ready, self._serving), return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if self._serving.done():
            self._serving.result()
        address = ready.result()
        self.options = replace(self.options, port=address.port)
        self.url = address.base_url
        if not self._tasks:
            self._tasks.append(asyncio.create_task(self.arrivals.run()))

    async def stop(self) -> None:
        """As a server that goes down: no goodbye to the meeting."""
        if self._serving is not None:
            self._serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(self._serving, 20)
            self._serving = None
            self.sandbox = None

    async def close(self) -> None:
        await self.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def port(self) -> int:
        return self.options.port

    @property
    def running(self) -> Sandbox:
        assert self.sandbox is not None, "the room server is not running"
        return self.sandbox

    def room(self) -> Room:
        return self.running.room(ROOM)

    def peer(self, peer_id: str = DEVICE) -> Peer | None:
        room = self.sandbox.rooms.find(ROOM) if self.sandbox else None
        return room.peers.get(peer_id) if room else None

    def device(self) -> Peer:
        """The device's participant, which must be there."""
        peer = self.peer()
        assert peer is not None, "the device is not in the room"
        return peer

    def end_session(self) -> None:
        """Without a goodbye: the websocket is reset, or over WHIP, which has none, the transport closed."""
        if self.running.kill_sockets() == 0:
            self.room().leave(self.device(), LeaveReason.DISCONNECTED)

    async def expect_media(self, *kinds: str, within: float = 40) -> None:
        """Packets of these kinds (both, unless said) arrive now."""
        now = time.monotonic()
        for kind in kinds or ("audio", "video"):
            await self.arrivals.back(now, within=within, kind=kind)

    async def expect_gone(self, *, within: float) -> None:
        async def gone() -> bool:
            return self.peer() is None

        await eventually(gone, within=within, what="the device gone from the room")

    def devices_log(self) -> str:
        return "\n".join(str(log) for log in self.logs)
