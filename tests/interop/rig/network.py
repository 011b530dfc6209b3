"""A device behind a NAT with a firewall: two network namespaces, and a TURN server on this side of them.

device 10.213.2.2 -- 10.213.2.1 firewall 10.213.1.2 -- 10.213.1.1 this machine
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from rig.parts import end, eventually, part

from edgemeet.signaling.initconfig import IceServer

SERVER = "10.213.1.1"
FIREWALL = "10.213.1.2"
TURN_PORT = 3478
SILENT_PORT = 3999  # what goes there is lost without a word
_USER, _PASSWORD = "device", "a-password-of-the-rig"

_NAT = """
table ip rig {
  chain forward { type filter hook forward priority 0; udp dport %d drop; %s }
  chain out { type nat hook postrouting priority 100; oifname "wan" masquerade; }
}
"""
BLOCKS = {
    "nothing": "",
    "UDP but to TURN": f"ct state established accept; udp dport != {TURN_PORT} drop;",
    "UDP": "meta l4proto udp drop;",
}


def _run(*command: str, feed: str | None = None) -> None:
    done = subprocess.run(command, input=feed, text=True, capture_output=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)}: {done.stderr}")


class Network:
    """Namespaces `device` and `firewall`; removed by `close`."""

    def __init__(self) -> None:
        self.device = f"device-{os.getpid()}"
        self.firewall = f"firewall-{os.getpid()}"
        self._link = f"rig{os.getpid() % 100000}"

    def open(self) -> None:
        for name in (self.device, self.firewall):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        _run(*f"ip link add {self._link} type veth peer name wan netns {self.firewall}".split())
        _run(*f"ip -n {self.firewall} link add lan type veth peer name eth0 netns {self.device}".split())
        _run(*f"ip addr add {SERVER}/30 dev {self._link}".split())
        _run(*f"ip link set {self._link} up".split())
        for name, link, address in (
            (self.firewall, "wan", f"{FIREWALL}/30"),
            (self.firewall, "lan", "10.213.2.1/30"),
            (self.device, "eth0", "10.213.2.2/30"),
        ):
            _run("ip", "-n", name, "addr", "add", address, "dev", link)
            _run("ip", "-n", name, "link", "set", link, "up")
        _run(*f"ip -n {self.device} route add default via 10.213.2.1".split())
        _run(*f"ip netns exec {self.firewall} sysctl -qw net.ipv4.ip_forward=1".split())

    def block(self, what: str) -> None:
        """One of BLOCKS, from now on."""
        _run(*f"ip netns exec {self.firewall} nft flush ruleset".split())
        rules = _NAT % (SILENT_PORT, BLOCKS[what])
        _run(*f"ip netns exec {self.firewall} nft -f -".split(), feed=rules)

    def close(self) -> None:
        for name in (self.device, self.firewall):
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        subprocess.run(("ip", "link", "del", self._link), capture_output=True, check=False)


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
