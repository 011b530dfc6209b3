"""A device behind a NAT with a firewall: two network namespaces, and a TURN server on this side of them.

device 10.213.2.2 -- 10.213.2.1 firewall 10.213.1.2 -- 10.213.1.1 this machine
"""

from __future__ import annotations

import asyncio
import os
from ipaddress import IPv4Network
from pathlib import Path

from rig.parts import part
from rigging.routed import RoutedNetwork
from rigging.waiting import end, eventually

from edgemeet.signaling.initconfig import IceServer

SERVER = "10.213.1.1"
FIREWALL = "10.213.1.2"
TURN_PORT = 3478
SILENT_PORT = 3999  # what goes there is lost without a word
_USER, _PASSWORD = "device", "a-password-of-the-rig"

BLOCKS = {
    "nothing": "",
    "UDP but to TURN": f"ct state established accept; udp dport != {TURN_PORT} drop;",
    "UDP": "meta l4proto udp drop;",
}


class Network(RoutedNetwork):
    """The router is a firewall."""

    def __init__(self) -> None:
        pid = os.getpid()
        super().__init__(
            device=f"device-{pid}",
            router=f"firewall-{pid}",
            link=f"rig{pid % 100000}",
            outside=IPv4Network("10.213.1.0/30"),
            inside=IPv4Network("10.213.2.0/30"),
        )

    def block(self, what: str) -> None:
        """One of BLOCKS, from now on."""
        self.forward(f"udp dport {SILENT_PORT} drop; {BLOCKS[what]}")


def turn_server(transport: str) -> IceServer:
    """The TURN server as an init-config names it."""
    url = f"turn:{SERVER}:{TURN_PORT}?transport={transport}"
    return IceServer.model_validate({"urls": [url], "username": _USER, "credential": _PASSWORD})


def turn_link(transport: str) -> str:
    """The TURN server as a WHIP server names it, in a Link header."""
    url = f"turn:{SERVER}:{TURN_PORT}?transport={transport}"
    return (
        f'<{url}>; rel="ice-server"; username="{_USER}"; credential="{_PASSWORD}"; credential-type="password"'
    )


class Coturn:
    """coturn from the rig's rootfs."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = (
            *("chroot", str(part("ROOTFS")), "turnserver", "-n", "--no-tls", "--no-dtls", "--no-cli"),
            *(f"--listening-ip={SERVER}", f"--listening-port={TURN_PORT}", f"--relay-ip={SERVER}"),
            *("--lt-cred-mech", f"--user={_USER}:{_PASSWORD}", "--realm=rig", "--log-file=stdout"),
            *("--pidfile=/tmp/turnserver.pid", "--verbose"),
        )
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        await eventually(self._answers, within=10, what="coturn")

    async def _answers(self) -> bool:
        assert self._process
        assert self._process.returncode is None, self._log.read_text()[-2000:]
        try:
            _, writer = await asyncio.open_connection(SERVER, TURN_PORT)
        except OSError:
            return False
        writer.close()
        return True

    async def stop(self) -> None:
        if self._process is not None:
            await end(self._process, within=10, what="coturn")
