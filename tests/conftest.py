"""What several folders of tests need."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A time for each example says how busy the machine is, and fails tests for it.
settings.register_profile("edgemeet", deadline=None)
settings.load_profile("edgemeet")


class Pulse:
    """A PulseAudio with one null sink, whose monitor is the microphone, and somebody who plays into it."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "native"
        self._environment = {**os.environ, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self._log = folder / "pulse.log"
        self.server: subprocess.Popen[bytes] | None = None
        self.player: subprocess.Popen[bytes] | None = None

    @property
    def asoundrc(self) -> str:
        """The device `mic` of alsa-lib."""
        return f'pcm.mic {{ type pulse server "unix:{self.socket}" device "mic.monitor" }}\n'

    def start(self, tone: Path) -> None:
        """Returns once it can be connected to; `tone` is 16 bits, 48 kHz, mono."""
        with self._log.open("ab") as log:
            self.server = subprocess.Popen(
                [
                    "pulseaudio",
                    "-n",
                    "--daemonize=no",
                    "--use-pid-file=no",
                    "--exit-idle-time=-1",
                    "--disable-shm=yes",
                    "-L",
                    f"module-native-protocol-unix socket={self.socket} auth-anonymous=1",
                    "-L",
                    "module-null-sink sink_name=mic rate=48000 channels=1",
                ],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while not self.socket.exists():
            assert self.server.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "pulseaudio did not come up"
            time.sleep(0.02)
        self.player = subprocess.Popen(
            [
                "paplay",
                f"--server=unix:{self.socket}",
                "--raw",
                "--rate=48000",
                "--channels=1",
                "--format=s16le",
                "--device=mic",
                str(tone),
            ],
            env=self._environment,
        )

    def stop(self) -> None:
        """Without a word, as a crash does."""
        for process in (self.player, self.server):
            if process is not None:
                process.kill()
                process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[Pulse]:
    server = Pulse(tmp_path)
    yield server
    server.stop()
