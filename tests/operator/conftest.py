"""A sandbox, a daemon as a process of its own, and programs that watch it; all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgemeet.control import ControlClient, Status
from edgemeet.errors import ControlError
from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

ROOM = "abcd-efgh-ijkl"
CONFIG = """\
[meeting]
id = "{room}"
name = "Front door"
api_url = "{url}"
participant_id = "front-door"
[provisioning]
url = "{url}/get-token"
[camera]
source = "test"
width = 320
height = 180
fps = 10
[microphone]
source = "tone"
{more}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


async def eventually(condition: Callable[[], Awaitable[Any]], what: str, *, within: float = 60) -> Any:
    """What `condition` returns once it is true."""
    try:
        async with asyncio.timeout(within):
            while not (found := await condition()):
                await asyncio.sleep(0.25)
            return found
    except TimeoutError:
        pytest.fail(f"not seen within {within:g} s: {what}")


class Program:
    """A program of this test's own, with its output in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after 10 s."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


Start = Callable[..., Awaitable[Program]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts programs; all have ended when the test has."""
    started: list[Program] = []

    async def begin(*arguments: str | Path, env: dict[str, str] | None = None) -> Program:
        log = tmp_path / f"{len(started)}-{Path(arguments[0]).name}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *map(str, arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=os.environ | (env or {}),
            )
        started.append(Program(process, log))
        return started[-1]

    yield begin
    for program in reversed(started):
        await program.stop()


@pytest.fixture
async def sandbox_url() -> AsyncIterator[str]:
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    options = SandboxOptions(port=0, rooms=(ROOM,), admin=True)
    serving = asyncio.create_task(serve(options, ready=ready.set_result))
    async with asyncio.timeout(30):
        await asyncio.wait((ready, serving), return_when=asyncio.FIRST_COMPLETED)
    yield ready.result().base_url
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


class Device:
    """A daemon and what its operator sees."""

    def __init__(self, folder: Path, url: str, start: Start) -> None:
        self.socket = folder / "control.sock"
        self.url = url
        self.control = ControlClient(self.socket)
        self._folder = folder
        self._start = start
        self.program: Program | None = None

    async def run(self, more: str = "") -> Program:
        """Start it, with more lines of configuration."""
        config = self._folder / "edgemeet.toml"
        config.write_text(CONFIG.format(room=ROOM, url=self.url, more=more))
        env = {
            "EDGEMEET_CONFIG": str(config),
            "EDGEMEET_CONTROL__SOCKET": str(self.socket),
            "STATE_DIRECTORY": str(self._folder / "state"),
            "RUNTIME_DIRECTORY": str(self._folder),
        }
        self.program = await self._start(sys.executable, "-m", "edgemeet", "run", env=env)
        return self.program

    async def status(self) -> Status | None:
        try:
            return await asyncio.to_thread(self.control.status)
        except ControlError:
            return None

    async def sees(self, condition: Callable[[Status], bool], what: str, *, within: float = 60) -> Status:
        async def so() -> Status | None:
            assert self.program is not None
            assert self.program.process.returncode is None, self.program.log
            status = await self.status()
            return status if status is not None and condition(status) else None

        found: Status = await eventually(
            so, f"{what}; the log: {self.program.log[-2000:] if self.program else ''}", within=within
        )
        return found

    async def sends(self) -> Status:
        """Returns once it is in the meeting and sends."""
        return await self.sees(
            lambda s: s.state == "joined" and {p.kind for p in s.producers} == {"audio", "video"},
            "picture and sound",
        )

    async def order(self, name: str, **values: object) -> None:
        """Have the sandbox cause something."""
        async with httpx.AsyncClient() as client:
            (await client.post(f"{self.url}/sandbox/{name}", json=values)).raise_for_status()


@pytest.fixture
async def device(tmp_path: Path, sandbox_url: str, start: Start) -> Device:
    return Device(tmp_path, sandbox_url, start)


async def output(*arguments: str | Path, within: float = 60) -> str:
    """Of a program that ends by itself, and well."""
    process = await asyncio.create_subprocess_exec(
        *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, out.decode()
    return out.decode()


class Tools:
    """Functions for tests, which cannot import this file."""

    free_port = staticmethod(free_port)
    eventually = staticmethod(eventually)
    output: Callable[..., Awaitable[str]] = staticmethod(output)


@pytest.fixture
def tools() -> type[Tools]:
    return Tools
