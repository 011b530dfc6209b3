"""Real alsa-lib over a private PulseAudio, in the rig's Python: the tone is heard in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

pytestmark = [pytest.mark.devices, pytest.mark.asyncio(loop_scope="module")]

NAME = "Pi"
ROOM = "abcd-efgh-ijkl"
HERTZ = 523


class Pulse:
    """The server whose null sink plays a tone; its monitor is the microphone of the rig's asound.conf."""

    def __init__(self, rig: Any) -> None:
        self._rig = rig
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        folder = self._rig.root / "run/microphone"
        folder.mkdir(exist_ok=True)
        (folder / "native").unlink(missing_ok=True)
        modules = (
            "module-native-protocol-unix socket=/run/microphone/native auth-anonymous=1",
            "module-null-sink sink_name=mic rate=48000 channels=1 format=s16le",
            f"module-sine sink=mic frequency={HERTZ}",
        )
        loads = [part for module in modules for part in ("-L", module)]
        command = self._rig.command(
            "/usr/bin/pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
            "--disable-shm=yes", *loads, HOME="/run/microphone", XDG_RUNTIME_DIR="/run/microphone",
        )  # fmt: skip
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(20):
            while not (folder / "native").exists():
                assert self._process.returncode is None, "pulseaudio ended"
                await asyncio.sleep(0.05)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            await asyncio.wait_for(self._process.wait(), 10)
            self._process = None


@pytest_asyncio.fixture(loop_scope="module")
async def pulse(rig: Any) -> AsyncIterator[Pulse]:
    pulse = Pulse(rig)
    await pulse.start()
    yield pulse
    await pulse.stop()


async def test_its_tone_is_heard_and_heard_again(
    sandbox_url: str, start_device: Any, watcher: Any, pulse: Pulse
) -> None:
    device = await start_device(
        sandbox_url, CAMERA__SOURCE="picamera2", MICROPHONE__SOURCE="alsa", MICROPHONE__DEVICE="mic"
    )
    await watcher.open(sandbox_url, ROOM)
    await watcher.expect_tone(NAME, HERTZ)
    await pulse.stop(signal.SIGKILL)
    await device.expect(lambda s: any(h.code.startswith("device.") for h in s.health))
    await pulse.start()
    await device.expect(
        lambda s: next(c for c in s.captures if c.kind == "audio").state == "running", within=3 + 2
    )
    await watcher.expect_tone(NAME, HERTZ)
    assert (await device.status()).joins == 1
