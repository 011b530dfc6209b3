"""A sandbox and a daemon as its own process, and what an operator can see of both."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from rigging.daemon import WatchedDaemon
from rigging.waiting import eventually

from edgemeet.control import Status
from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

ROOM = "abcd-efgh-ijkl"

CONFIG = """\
[meeting]
id = "{room}"
name = "Front door"
api_url = "{url}"
participant_id = "front-door"
entry_timeout = 20

[provisioning]
url = "{token_url}"
timeout = 3

[camera]
source = "test"
width = 640
height = 360
fps = 15

[microphone]
source = "{microphone}"
device = "{device}"
"""


class LiveSandbox:
    """A sandbox in this process that can be taken away and put back at the same port."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._port = 0
        self.url = ""

    async def start(self) -> None:
        ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
        options = SandboxOptions(port=self._port, rooms=(ROOM,), admin=True)
        self._task = asyncio.create_task(serve(options, ready=ready.set_result))
        async with asyncio.timeout(10):
            await asyncio.wait((ready, self._task), return_when=asyncio.FIRST_COMPLETED)
        address = ready.result()
        self._port, self.url = address.port, address.base_url

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(self._task, 10)
            self._task = None

    async def order(self, name: str, **values: object) -> None:
        """Cause a fault."""
        async with httpx.AsyncClient() as client:
            reply = await client.post(f"{self.url}/sandbox/{name}", json=values)
            reply.raise_for_status()

    async def participants(self) -> dict[str, Any]:
        """Who is in the room, as the server sees it."""
        async with httpx.AsyncClient() as client:
            rooms = (await client.get(f"{self.url}/sandbox/status")).json()["rooms"]
        return {peer["id"]: peer for room in rooms for peer in room["peers"]}

    async def packets(self, participant: str = "front-door") -> dict[str, int]:
        """RTP packets received of each kind."""
        peer = (await self.participants()).get(participant)
        producers = peer["producers"] if peer else []
        return {p["kind"]: sum(e["packets"] for e in p["encodings"]) for p in producers}

    async def expect_media(
        self, kinds: set[str] = frozenset({"audio", "video"}), *, within: float = 30
    ) -> None:
        """Packets of exactly these kinds arrive now."""
        before: dict[str, int] = {}

        async def flowing() -> bool:
            nonlocal before
            now = await self.packets()
            grown = {kind for kind, count in now.items() if count > before.get(kind, count)}
            before = now
            return grown == set(kinds) and set(now) == set(kinds)

        await eventually(flowing, within=within, what=f"{sorted(kinds)} at the server")


class LiveDevice(WatchedDaemon):
    """`edgemeet run` as a process of its own."""

    patience = 30.0

    async def expect_problem(self, code: str, *, within: float = 30) -> Status:
        """The condition `code` is shown, with a plain message."""
        status = await self.expect(lambda s: any(h.code == code for h in s.health), within=within)
        assert "Traceback" not in self.log
        return status


@pytest.fixture
async def sandbox() -> AsyncIterator[LiveSandbox]:
    sandbox = LiveSandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


StartDevice = Callable[..., Awaitable[LiveDevice]]


@pytest.fixture
async def start_device(tmp_path: Path) -> AsyncIterator[StartDevice]:
    """Starts daemons; each has ended in order when the test has."""
    started: list[LiveDevice] = []

    async def start(
        sandbox_url: str,
        *,
        token_url: str | None = None,
        microphone: str = "tone",
        device: str = "default",
        config: str | None = None,
        **environ: str,
    ) -> LiveDevice:
        file = tmp_path / "edgemeet.toml"
        file.write_text(
            config
            or CONFIG.format(
                room=ROOM,
                url=sandbox_url,
                token_url=token_url or f"{sandbox_url}/get-token",
                microphone=microphone,
                device=device,
            )
        )
        env = os.environ | {
            "EDGEMEET_CONFIG": str(file),
            "EDGEMEET_CONTROL__SOCKET": str(tmp_path / "control.sock"),
            "STATE_DIRECTORY": str(tmp_path / "state"),
            "RUNTIME_DIRECTORY": str(tmp_path),
        }
        with (tmp_path / "device.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edgemeet", "run", env=env | environ, stdout=log, stderr=log
            )
        started.append(LiveDevice(tmp_path, process))
        return started[-1]

    yield start
    for device in started:
        await device.stop()
