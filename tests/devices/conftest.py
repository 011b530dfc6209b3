"""A daemon in the rig's rootfs, a sandbox and Chromium outside of it. `scripts/test-devices` runs these."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from rigging.daemon import WatchedDaemon

from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

# Chromium and what is looked at with it are those of tests/browser.
_spec = importlib.util.spec_from_file_location(
    "browser_fixtures", Path(__file__).parents[1] / "browser" / "conftest.py"
)
assert _spec
assert _spec.loader
_browser = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _browser
_spec.loader.exec_module(_browser)
browser, page, watcher = _browser.browser, _browser.page, _browser.watcher

ROOM = "abcd-efgh-ijkl"
PYTHON = "/opt/edgemeet/bin/python"

CONFIG = """\
[meeting]
id = "{room}"
name = "{name}"
api_url = "{url}"

[provisioning]
url = "{url}/get-token"

[microphone]
source = "tone"
"""


class Rig:
    """The rootfs, with a folder for one test that both sides see."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "run/test").mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(dir=root / "run/test"))

    @property
    def inside(self) -> str:
        """The folder as programs in the rootfs see it."""
        return f"/{self.folder.relative_to(self.root)}"

    @property
    def stall(self) -> Path:
        """No picture comes while this exists."""
        return self.folder / "stall"

    def command(self, *arguments: str, **environ: str) -> tuple[str, ...]:
        """To be run in the rootfs, with these variables and no others."""
        variables = {
            "HOME": "/root",
            "PATH": "/opt/edgemeet/bin:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "LD_PRELOAD": "/usr/local/lib/virtual_camera.so",
            "VIRTUAL_CAMERA_STALL": f"{self.inside}/stall",
            "LIBCAMERA_LOG_LEVELS": "*:ERROR",
        } | environ
        settings = (f"{name}={value}" for name, value in variables.items())
        return ("/usr/sbin/chroot", str(self.root), "/usr/bin/env", "-i", *settings, *arguments)

    async def python(
        self, program: str, *, arguments: tuple[str, ...] = (), timeout: float = 60, **environ: str
    ) -> str:
        """What a program prints; the test fails when it fails."""
        process = await asyncio.create_subprocess_exec(
            *self.command(PYTHON, "-c", program, *arguments, **environ),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            pytest.fail(f"no end within {timeout:g} s")
        assert process.returncode == 0, err.decode()
        return out.decode()


class RunningDevice(WatchedDaemon):
    """`edgemeet run` in the rootfs."""

    patience = 30.0

    def camera_process(self) -> int | None:
        """The pid of the process that reads the camera."""
        for process, parent in _browser.Process.all().items():
            if parent != self.process.pid:
                continue
            with contextlib.suppress(OSError):
                if b"libcamera" in Path(f"/proc/{process.pid}/maps").read_bytes():
                    return int(process.pid)
        return None


@pytest.fixture(scope="session")
def rootfs() -> Path:
    if "DEVICES_RIG" not in os.environ:
        pytest.fail("these tests need their rig: run ./scripts/test-devices")
    return Path(os.environ["DEVICES_RIG"])


@pytest.fixture
def rig(rootfs: Path) -> Iterator[Rig]:
    rig = Rig(rootfs)
    yield rig
    rig.stall.unlink(missing_ok=True)


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox_url() -> AsyncIterator[str]:
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(SandboxOptions(port=0, rooms=(ROOM,)), ready=ready.set_result))
    async with asyncio.timeout(10):
        await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
    yield ready.result().base_url
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


StartDevice = Callable[..., Awaitable[RunningDevice]]


@pytest_asyncio.fixture(loop_scope="module")
async def start_device(rig: Rig) -> AsyncIterator[StartDevice]:
    """Starts daemons; each ends in order when the test does. Variables are edgemeet's, without EDGEMEET_."""
    started: list[RunningDevice] = []

    async def start(url: str, *, name: str = "Pi", **environ: str) -> RunningDevice:
        (rig.folder / "edgemeet.toml").write_text(CONFIG.format(room=ROOM, name=name, url=url))
        folder = rig.inside
        command = rig.command(
            PYTHON,
            "-m",
            "edgemeet",
            "run",
            EDGEMEET_CONFIG=f"{folder}/edgemeet.toml",
            EDGEMEET_CONTROL__SOCKET=f"{folder}/control.sock",
            STATE_DIRECTORY=f"{folder}/state",
            RUNTIME_DIRECTORY=folder,
            **{f"EDGEMEET_{key}": value for key, value in environ.items()},
        )
        with (rig.folder / "device.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        started.append(RunningDevice(rig.folder, process))
        return started[-1]

    yield start
    for device in started:
        await device.stop(within=10)
