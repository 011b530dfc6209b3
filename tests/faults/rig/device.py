"""`edgemeet run` as a process of its own, in a network, at a time and on a disk of the test's choice."""

from __future__ import annotations

import asyncio
import os
import struct
import sys
import time
from pathlib import Path

from rig.protocols import NATIVE, Protocol
from rig.server import DEVICE, ROOM
from rigging.daemon import WatchedDaemon
from rigging.waiting import run

from edgemeet.control import Status

PROBE = Path(__file__).parent / "probe.py"

_CONFIG = """\
[meeting]
id = "{room}"
name = "Front door"
participant_id = "{participant}"
api_url = "{url}"
protocol = "{protocol}"

[provisioning]
url = "{token_url}"
timeout = 5

[camera]
source = "test"
width = 320
height = 180
fps = 15

[microphone]
source = "tone"
"""


class FakeClock:
    """The device's wall clock; its monotonic clock and its sleeps stay as they are. See clock.c."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self._library = folder / "clock.so"
        run(f"cc -shared -fPIC -O1 -Wall -o {self._library} {Path(__file__).parent / 'clock.c'} -ldl")
        self._file.write_bytes(bytes(8))

    def shift(self, seconds: int) -> None:
        """From now on the device's clock is so far from the right time."""
        with self._file.open("r+b") as opened:  # in place: the device has mapped it
            opened.write(struct.pack("=q", seconds))

    @property
    def environ(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "RIG_CLOCK": str(self._file)}


class Device(WatchedDaemon):
    """One daemon, which can be started again in the same folder.

    Args:
        folder: for its configuration, state, log and control socket.
    """

    def __init__(self, folder: Path, participant: str = DEVICE, protocol: Protocol = NATIVE) -> None:
        super().__init__(folder)
        self.participant = participant
        self.protocol = protocol
        self.config = folder / "edgemeet.toml"
        self.state = folder / "state"
        self.started = 0.0

    async def start(
        self,
        url: str,
        *,
        token_url: str | None = None,
        namespace: str | None = None,
        mounts: str = "",
        probe: bool = False,
        clock: FakeClock | None = None,
        config: str | None = None,
        **environ: str,
    ) -> None:
        """Start it.

        Args:
            url: of the API; `token_url` is its /get-token unless said.
            namespace: the network it is in.
            mounts: shell commands that change what it sees of the disk.
            probe: run it with what tells its tasks and can hang its event loop; see probe.py.
            clock: its wall clock.
            config: the text of its configuration; None keeps the file that is there.
            environ: variables of the configuration without EDGEMEET_, and others as they are.
        """
        if config is not None or not self.config.exists():
            self.config.write_text(config or self.configuration(url, token_url=token_url))
        own = {
            "EDGEMEET_CONFIG": str(self.config),
            "EDGEMEET_CONTROL__SOCKET": str(self.folder / "control.sock"),
            "STATE_DIRECTORY": str(self.state),
            "RUNTIME_DIRECTORY": str(self.folder),
            "PROBE_FILE": str(self.folder / "probe.json"),
        }
        own |= {key if "__" not in key else f"EDGEMEET_{key}": value for key, value in environ.items()}
        own |= clock.environ if clock else {}
        program = (str(PROBE),) if probe else ("-m", "edgemeet")
        command: tuple[str, ...] = (sys.executable, *program, "run")
        if mounts:
            command = ("sh", "-ec", f'{mounts}\nexec "$@"', "sh", *command)
        if namespace is not None:
            command = ("ip", "netns", "exec", namespace, *command)
        elif mounts:
            command = ("unshare", "--mount", "--propagation", "private", *command)
        self.started = time.monotonic()
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, env=os.environ | own, stdout=log, stderr=log
            )

    def configuration(self, url: str, *, token_url: str | None = None) -> str:
        """The usual one."""
        return _CONFIG.format(
            room=ROOM,
            participant=self.participant,
            protocol=self.protocol,
            url=url,
            token_url=token_url or f"{url}/get-token",
        )

    def __str__(self) -> str:
        return f"-- log of {self.participant}:\n{self.log[-6000:]}"

    def children(self) -> list[int]:
        """Its capture processes."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]

    def child(self, kind: str) -> int:
        """The capture process of the camera ("video") or the microphone ("audio")."""
        for pid in self.children():
            if kind in self._what_it_reads(pid):
                return pid
        return self.children()[0 if kind == "video" else -1]

    @staticmethod
    def _what_it_reads(pid: int) -> str:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")

    async def expect_problem(self, *codes: str, within: float = 40) -> Status:
        """One of these conditions is shown; a code that ends in a dot stands for all that begin so."""

        def shown(status: Status) -> bool:
            return any(
                h.code == code or (code.endswith(".") and h.code.startswith(code))
                for h in status.health
                for code in codes
            )

        return await self.expect(shown, within=within, what=f"one of {codes}")

    async def expect_well(self, *, within: float = 40) -> Status:
        """In the meeting, and nothing is wrong."""
        return await self.expect(
            lambda s: s.state == "joined" and not any(h.severity == "error" for h in s.health),
            within=within,
            what="joined and well",
        )

    async def kill(self) -> None:
        """SIGKILL, as the kernel does it when memory is short."""
        assert self.process
        self.process.kill()
        await self.process.wait()

    async def stop(self, *, within: float = 25) -> None:
        """As usual, but a busy machine takes longer than the promise."""
        await super().stop(within=within)
