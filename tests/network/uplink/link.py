"""The way from a device to a server: a network namespace for the device, one for its home router.

device 10.214.0.2 -- 10.214.0.1 router, WAN address -- this machine

What the router sends on is limited by `tc tbf`, and lost by nft while it is forwarded. Loss at the sender's
own output would be an error to the program.
"""

from __future__ import annotations

import os
import subprocess
from typing import Self


def _run(*command: str, feed: str | None = None) -> None:
    done = subprocess.run(command, input=feed, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


class Link:
    """Both namespaces; they are removed when the block is left.

    Attributes:
        device: the device's namespace.
        server: the address of this machine that the device reaches.
    """

    def __init__(self) -> None:
        pid = os.getpid()
        self.device, self._router, self._near = f"uplink-d{pid}", f"uplink-r{pid}", f"up{pid % 10**8}"
        # Runs at the same time have addresses of their own: 16,384 networks of four.
        network = pid % 16384
        prefix, base = f"10.215.{network >> 6}", (network & 63) * 4
        self.server, self._wan = f"{prefix}.{base + 1}", f"{prefix}.{base + 2}"

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        for name in (self.device, self._router):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        _run(*f"ip link add {self._near} type veth peer name wan netns {self._router}".split())
        _run(*f"ip -n {self._router} link add lan type veth peer name eth0 netns {self.device}".split())
        _run(*f"ip addr add {self.server}/30 dev {self._near}".split())
        _run(*f"ip link set {self._near} up".split())
        for name, link, address in (
            (self._router, "wan", f"{self._wan}/30"),
            (self._router, "lan", "10.214.0.1/30"),
            (self.device, "eth0", "10.214.0.2/30"),
        ):
            _run("ip", "-n", name, "addr", "add", address, "dev", link)
            _run("ip", "-n", name, "link", "set", link, "up")
        _run(*f"ip -n {self.device} route add default via 10.214.0.1".split())
        self._in_router("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self.lose(0)

    def __exit__(self, *_: object) -> None:
        for name in (self.device, self._router):
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        subprocess.run(("ip", "link", "del", self._near), capture_output=True, check=False)

    def limit(self, kilobits: int | None) -> None:
        """Let through so much a second; the queue before it holds 200 ms, like a good home router's."""
        self._in_router("tc", "qdisc", "replace", "dev", "wan", "root", "pfifo", "limit", "1000")
        if kilobits is not None:
            limit = ("rate", f"{kilobits}kbit", "burst", "4kb", "latency", "200ms")
            self._in_router("tc", "qdisc", "replace", "dev", "wan", "root", "tbf", *limit)

    def lose(self, percent: float) -> None:
        """Lose this share of what the device sends over UDP."""
        loss = (
            f'iifname "lan" meta l4proto udp numgen random mod 1000 < {round(10 * percent)} drop;'
            if percent
            else ""
        )
        rules = f"""
            flush ruleset
            table ip uplink {{
              chain forward {{ type filter hook forward priority 0; {loss} }}
              chain out {{ type nat hook postrouting priority 100; oifname "wan" masquerade; }}
            }}"""
        self._in_router("nft", "-f", "-", feed=rules)

    def _in_router(self, *command: str, feed: str | None = None) -> None:
        _run("ip", "netns", "exec", self._router, *command, feed=feed)
