"""The main job as somebody at the page sees and hears it: sandbox, daemon and Chromium together."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ROOM = "abcd-efgh-ijkl"
NAME = "Front door"
# The class in conftest.py; modules of a test folder cannot import each other in importlib mode.
Watcher = Any

CONFIG = """\
[meeting]
source = "fixed"
id = "{room}"
name = "{name}"
api_url = "{url}"
multistream = {multistream}

[provisioning]
url = "{url}/get-token"

[camera]
source = "test"

[microphone]
source = "{microphone}"
device = "mic"
tone_hz = 440
"""

# The real alsa-lib, reading a recorded tone where a sound card would be.
ASOUNDRC = 'pcm.mic {{ type file slave.pcm {{ type null }} file "/dev/null" infile "{tone}" format "raw" }}\n'


def write_tone(path: Path, hertz: int, seconds: int = 60) -> None:
    """16-bit mono at 48 kHz."""
    second = array("h", (round(8192 * math.sin(2 * math.pi * hertz * n / 48_000)) for n in range(48_000)))
    path.write_bytes(second.tobytes() * seconds)


class Sandbox:
    """A sandbox in this process that can be taken away and put back at the same port."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self.address: SandboxAddress | None = None

    @property
    def url(self) -> str:
        assert self.address
        return self.address.base_url

    async def start(self) -> None:
        ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
        options = SandboxOptions(port=self.address.port if self.address else 0, rooms=(ROOM,))
        self._task = asyncio.create_task(serve(options, ready=ready.set_result))
        self._task.add_done_callback(lambda _: ready.cancel())
        try:
            self.address = await asyncio.wait_for(ready, 10)
        except asyncio.CancelledError:
            self._task.result()  # says why it ended
            raise

    async def stop(self) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        async with asyncio.timeout(10):
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest_asyncio.fixture(loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = Sandbox()
    await sandbox.start()
    yield sandbox
    await sandbox.stop()


Device = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def device(sandbox: Sandbox, tmp_path: Path) -> Device:
    """Starts `edgemeet run` as its own process; it has left the meeting when the block ends."""

    @contextlib.asynccontextmanager
    async def run(
        *, multistream: bool = False, microphone: str = "tone", **environ: str
    ) -> AsyncIterator[None]:
        config = tmp_path / "edgemeet.toml"
        config.write_text(
            CONFIG.format(
                room=ROOM,
                name=NAME,
                url=sandbox.url,
                multistream=str(multistream).lower(),
                microphone=microphone,
            )
        )
        env = os.environ | {
            "EDGEMEET_CONFIG": str(config),
            "EDGEMEET_CONTROL__SOCKET": str(tmp_path / "control.sock"),
            "STATE_DIRECTORY": str(tmp_path / "state"),
            "RUNTIME_DIRECTORY": str(tmp_path),
        }
        with (tmp_path / "device.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edgemeet", "run", env=env | environ, stdout=log, stderr=log
            )
            try:
                yield
                assert process.returncode is None, (tmp_path / "device.log").read_text()
            finally:
                if process.returncode is None:
                    process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 10)
                except TimeoutError:
                    process.kill()
                    await process.wait()
                    pytest.fail("the daemon did not end within 10 s of SIGTERM")

    return run


async def test_a_device_is_seen_and_heard(sandbox: Sandbox, device: Device, watcher: Watcher) -> None:
    async with device():
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_moving_picture(NAME)
        await watcher.expect_tone(NAME, 440)
        await watcher.expect_quick_reload(NAME)
        await watcher.expect_moving_picture(NAME, frames=10)
    await watcher.expect_gone(NAME)
    await watcher.expect_state("joined")


async def test_sound_through_alsa_is_heard(
    sandbox: Sandbox, device: Device, watcher: Watcher, tmp_path: Path
) -> None:
    write_tone(tmp_path / "tone.raw", 660)
    (tmp_path / "asound.conf").write_text(ASOUNDRC.format(tone=tmp_path / "tone.raw"))
    async with device(microphone="alsa", ALSA_CONFIG_PATH=str(tmp_path / "asound.conf")):
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_moving_picture(NAME)
        await watcher.expect_tone(NAME, 660)


async def test_a_page_that_was_there_first_sees_the_device_come(
    sandbox: Sandbox, device: Device, watcher: Watcher
) -> None:
    await watcher.open(sandbox.url, ROOM)
    await watcher.expect_state("joined")
    async with device():
        await watcher.expect_moving_picture(NAME, frames=10)


async def test_layers_can_be_chosen(sandbox: Sandbox, device: Device, watcher: Watcher) -> None:
    async with device(multistream=True):
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_width(NAME, 1280)
        await watcher.page.get_by_role("button", name="low").click()
        await watcher.expect_width(NAME, 320)
        await watcher.page.get_by_role("button", name="high").click()
        await watcher.expect_width(NAME, 1280)
        await watcher.expect_moving_picture(NAME, frames=10)


async def test_the_page_comes_back_after_the_sandbox_did(
    sandbox: Sandbox, device: Device, watcher: Watcher
) -> None:
    async with device():
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_shown(NAME)
        await sandbox.stop()
        await watcher.expect_state("reconnecting")
        await sandbox.start()
        await watcher.expect_state("joined")
        await watcher.expect_moving_picture(NAME, frames=10)
