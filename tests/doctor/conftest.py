"""A sandbox as VideoSDK, and a machine on which all is well: each test breaks one thing."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from edgemeet.config import ConfigInvalid, Settings, load
from edgemeet.doctor import Finding, Machine, Report, examine
from edgemeet.doctor.checks import CHECKS
from edgemeet.doctor.probes import Encoding, Listening
from edgemeet.errors import ConfigError
from edgemeet.media.survey import Camera, Survey
from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve
from edgemeet.signaling import IceServer

ROOM = "abcd-efgh-ijkl"
KEY, SECRET = "an-api-key", "an-api-secret-of-more-than-32-bytes-for-tests"

CONFIG = """\
[meeting]
id = "{room}"
api_url = "{url}"
participant_id = "front-door"
[provisioning]
url = "{url}/get-token"
timeout = 30
[camera]
source = "v4l2"
[microphone]
source = "tone"
"""


@contextlib.asynccontextmanager
async def sandbox(*ice_servers: IceServer) -> AsyncIterator[str]:
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    options = SandboxOptions(
        port=0, rooms=(ROOM,), api_key=KEY, api_secret=SECRET, ice_servers=ice_servers, admin=True
    )
    serving = asyncio.create_task(serve(options, ready=ready.set_result))
    try:
        async with asyncio.timeout(20):
            await asyncio.wait((ready, serving), return_when=asyncio.FIRST_COMPLETED)
        yield ready.result().base_url
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is slow, and no test is about that."""
    monkeypatch.setattr("edgemeet.doctor.journey.STEP_TIMEOUT", 30.0)
    monkeypatch.setattr("edgemeet.doctor.probes.DEADLINE", 60.0)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with sandbox() as base_url:
        yield base_url


def token(**claims: Any) -> str:
    now = int(time.time())
    base = {"apikey": KEY, "permissions": ["allow_join"], "version": 2, "iat": now, "exp": now + 600}
    return jwt.encode(base | claims, SECRET, algorithm="HS256")


def systemctl(**changes: str) -> Callable[..., Awaitable[str | None]]:
    facts = {
        "LoadState": "loaded",
        "ActiveState": "active",
        "SubState": "running",
        "Result": "success",
        "NRestarts": "0",
        "UnitFileState": "enabled",
    } | changes

    async def program(*arguments: str) -> str | None:
        if arguments[0] == "systemctl":
            return "\n".join(f"{name}={value}" for name, value in facts.items())
        return "0.7.1-1" if arguments[0] == "dpkg-query" else None

    return program


def statvfs(*, free: int, flags: int = 0) -> os.statvfs_result:
    return SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_flag=flags)  # type: ignore[return-value]


class World:
    """Makes machines; `machine()` is a good one."""

    config = CONFIG
    room = ROOM
    sandbox = staticmethod(sandbox)
    token = staticmethod(token)
    systemctl = staticmethod(systemctl)
    statvfs = staticmethod(statvfs)

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.root = folder / "root"
        self.write("/proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable:  3000000 kB\n")
        self.write("/proc/sys/kernel/osrelease", "6.12.25+rpt-rpi-v8\n")
        self.write("/sys/class/thermal/thermal_zone0/temp", "48312\n")
        self.write("/sys/devices/platform/soc/soc:firmware/get_throttled", "0\n")
        self.config_file = folder / "edgemeet.toml"

    def write(self, path: str, text: str) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def machine(self, config: str | None = None, **changes: Any) -> Machine:
        self.config_file.write_text((config or CONFIG).format(room=ROOM, url=self.url))
        self.config_file.chmod(0o640)
        settings: Settings | None = None
        problem: ConfigError | None = None
        try:
            settings = load(self.config_file, environ={"STATE_DIRECTORY": str(self.folder)})
        except ConfigInvalid as error:
            problem = error
        good = Machine(
            settings=settings,
            config_file=self.config_file,
            config_error=problem,
            root=self.root,
            synchronised=lambda: True,
            program=systemctl(),
            survey=listed,
            encode=fast,
            listen=loud,
            space=lambda _: statvfs(free=10**9),
        )
        return dataclasses.replace(good, **changes)

    async def examine(self, machine: Machine, *names: str) -> Report:
        return await examine(
            machine, [check for check in CHECKS if not names or check.name in names], deadline=90
        )

    async def finding(self, machine: Machine, name: str) -> Finding:
        """What one check says, when it says one thing."""
        (found,) = (await self.examine(machine, name)).findings
        return found


async def listed() -> Survey:
    return Survey(cameras=(Camera("v4l2", "/dev/video0", "HD Pro Webcam C920", ()),))


async def fast(_: object) -> Encoding:
    return Encoding("libx264", busy=0.2, cpu=0.2)


async def loud(_: object) -> Listening:
    return Listening("alsa default", -31.0)


@pytest.fixture
def world(tmp_path: Path, url: str) -> World:
    return World(tmp_path, url)
