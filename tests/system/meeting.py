"""The other side: a sandbox in the host's network namespace, and a machine's way into it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import httpx
from machine import Machine, eventually

ROOM = "abcd-efgh-ijkl"

CONFIG = """\
[meeting]
id = "{room}"
name = "Front door"
api_url = "{url}"

[provisioning]
url = "{url}/get-token"

[camera]
source = "test"
width = 640
height = 360
fps = 15

[microphone]
source = "alsa"
device = "tone"
"""

# alsa-lib's own file plugin plays a tone; there is no sound card in a container.
ASOUND = """\
pcm.tone { type file slave.pcm "null" file "/dev/null" infile "/var/lib/test/tone.raw" format "raw" }
# In place of a card on USB, which one of the example drop-ins names.
pcm.!plughw { @args [ CARD ] @args.CARD { type string } type plug slave.pcm "tone" }
"""


class Meeting:
    """A sandbox in the host's network namespace, as a process of its own."""

    def __init__(self, address: str) -> None:
        program = (
            "import asyncio; from edgemeet.sandbox import SandboxOptions, serve; "
            f"asyncio.run(serve(SandboxOptions(host={address!r}, port=0, rooms=({ROOM!r},), admin=True), "
            "ready=lambda a: print(a.base_url, flush=True)))"
        )
        self._process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the sandbox does not start"

    def participants(self) -> dict[str, Any]:
        """Who is in the room, as the server sees it."""
        rooms = httpx.get(f"{self.url}/sandbox/status", timeout=30).json()["rooms"]
        return {peer["id"]: peer for room in rooms for peer in room["peers"]}

    def packets(self) -> dict[tuple[str, str], int]:
        """RTP packets by participant and kind."""
        return {
            (name, producer["kind"]): sum(e["packets"] for e in producer["encodings"])
            for name, peer in self.participants().items()
            for producer in peer["producers"]
        }

    def expect_media(self, *kinds: str, within: float = 60) -> str:
        """Packets of exactly these kinds arrive from one participant; who it is."""
        before = self.packets()

        def flowing() -> str | None:
            nonlocal before
            now, last = self.packets(), before
            before = now
            grown = {key for key, count in now.items() if count > last.get(key, count)}
            names = {name for name, _ in grown}
            if grown == set(now) and len(names) == 1 and {kind for _, kind in grown} == set(kinds):
                return names.pop()
            return None

        try:
            return eventually(flowing, within=within, what=f"{kinds} at the server")
        except AssertionError as error:
            raise AssertionError(f"{error}; there is {self.packets()}") from None

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout:
            self._process.stdout.close()


def configure(machine: Machine, meeting: Meeting) -> None:
    machine.write("/etc/asound.conf", ASOUND)
    machine.run("mkdir -p /var/lib/test && head -c 1920000 /dev/urandom > /var/lib/test/tone.raw")
    machine.write("/etc/edgemeet/edgemeet.toml", CONFIG.format(room=ROOM, url=meeting.url))


def joined(machine: Machine) -> bool:
    status = machine.status()
    return status is not None and status["state"] == "joined"
