"""The main job as somebody at the page sees and hears it: sandbox, daemon and Chromium together."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import sys
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import pytest_asyncio

from edgemeet.encoded import VideoEncoding
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources.pattern import PatternCamera
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


async def test_a_device_that_came_over_whip_is_seen_and_heard(
    sandbox: Sandbox, device: Device, watcher: Watcher
) -> None:
    async with device(EDGEMEET_MEETING__PROTOCOL="whip", EDGEMEET_CAMERA__CODEC="vp8"):
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_moving_picture(NAME, frames=10)
        await watcher.expect_tone(NAME, 440)
    await watcher.expect_gone(NAME)


async def test_layers_that_came_over_whip_can_be_chosen(
    sandbox: Sandbox, device: Device, watcher: Watcher
) -> None:
    async with device(multistream=True, EDGEMEET_MEETING__PROTOCOL="whip"):
        await watcher.open(sandbox.url, ROOM)
        await watcher.expect_width(NAME, 1280)
        await watcher.page.get_by_role("button", name="low").click()
        await watcher.expect_width(NAME, 320)


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


def write_film(path: Path) -> None:
    """A second of the test picture with its counter, put in place whole."""
    layer = VideoEncoding(640, 360, 30, 1_000_000)
    camera = PatternCamera(camera_plan(source="test", width=640, height=360, encodings=[layer]))
    part = path.with_suffix(".part")
    with av.open(str(part), "w", format="matroska") as film:
        stream = film.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(30):
            frame = camera.read().frame
            frame.pts, frame.time_base = number, Fraction(1, 30)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    part.rename(path)


async def producer_ids(sandbox: Sandbox) -> set[str]:
    async with httpx.AsyncClient() as client:
        rooms = (await client.get(f"{sandbox.url}/sandbox/status")).json()["rooms"]
    return {p["id"] for room in rooms for peer in room["peers"] for p in peer["producers"]}


async def test_a_lost_camera_is_a_still_until_it_is_found(
    sandbox: Sandbox, device: Device, watcher: Watcher, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    write_film(film)
    settings = {"SOURCE": "file", "DEVICE": str(film), "ENCODER": "x264", "WIDTH": "640", "HEIGHT": "360"}
    async with device(**{f"EDGEMEET_CAMERA__{key}": value for key, value in settings.items()}):
        await watcher.open(sandbox.url, ROOM)
        peer_id = await watcher.expect_shown(NAME)

        async def watch(frames: int) -> list[dict[str, Any]]:
            seen: list[dict[str, Any]] = await watcher.page.evaluate(
                "({peerId, frames}) => edgemeet.watchFrames(peerId, frames, 20_000)",
                {"peerId": peer_id, "frames": frames},
            )
            return seen

        async def until_counters_are(there: bool) -> None:
            async with asyncio.timeout(20):
                while ((await watch(1))[0]["counter"] is not None) is not there:
                    pass

        await until_counters_are(True)
        before = await producer_ids(sandbox)
        film.unlink()
        await until_counters_are(False)
        stills = await watch(3)
        assert {(still["width"], still["height"]) for still in stills} == {(640, 360)}
        assert {still["counter"] for still in stills} == {None}
        assert all(later["at"] - earlier["at"] > 700 for earlier, later in itertools.pairwise(stills))

        await watcher.expect_quick_reload(NAME)
        assert {still["counter"] for still in await watch(2)} == {None}, "one who comes late sees it too"

        write_film(film)
        await until_counters_are(True)
        assert None not in {picture["counter"] for picture in await watch(20)}
        assert await producer_ids(sandbox) == before
        assert await watcher.expect_shown(NAME) == peer_id
