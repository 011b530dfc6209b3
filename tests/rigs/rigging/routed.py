"""A device behind a router: a network namespace for each, and this machine on the router's other side.

device eth0 -- lan router wan -- this machine

The router translates addresses, as those in homes and branch offices do. What it forwards can be dropped by
nft and slowed by `tc`: loss at the sender's own output would be an error to the program.
"""

from __future__ import annotations

import contextlib
import subprocess
from ipaddress import IPv4Network
from typing import Self

from rigging.waiting import run

_RULES = """
flush ruleset
table ip rig {{
  chain forward {{ type filter hook forward priority 0; {forward} }}
  chain out {{ type nat hook postrouting priority 100; oifname "wan" masquerade; }}
}}
"""


class RoutedNetwork:
    """Both namespaces. Laid when a block is entered, gone when it is left. Needs root.

    Args:
        device: name of the device's namespace.
        router: name of the router's.
        link: name of this machine's interface, 15 characters at most.
        outside: its first address is this machine's, its second the router's.
        inside: its first address is the router's, its second the device's.

    Attributes:
        device: as given.
        server: the address of this machine that the device reaches.
    """

    def __init__(
        self, *, device: str, router: str, link: str, outside: IPv4Network, inside: IPv4Network
    ) -> None:
        self.device = device
        self.router = router
        self.outside = outside
        self.inside = inside
        self.server = str(outside[1])
        self._link = link

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Lay it. When that goes wrong the test fails, and nothing is left of it."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.close)
            self._lay()
            stack.pop_all()

    def close(self) -> None:
        """Remove what there is of it."""
        for name in (self.device, self.router):
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        subprocess.run(("ip", "link", "del", self._link), capture_output=True, check=False)

    def _lay(self) -> None:
        for name in (self.device, self.router):
            run(f"ip netns add {name}")
            run(f"ip -n {name} link set lo up")
        run(f"ip link add {self._link} type veth peer name wan netns {self.router}")
        run(f"ip addr add {self.server}/{self.outside.prefixlen} dev {self._link}")
        run(f"ip link set {self._link} up")
        self._address(self.router, "wan", f"{self.outside[2]}/{self.outside.prefixlen}")
        self.connect("lan", "eth0", self.inside)
        run(f"ip -n {self.device} route add default via {self.inside[1]}")
        self.in_router("sysctl -qw net.ipv4.ip_forward=1")
        self.forward("")

    def connect(self, at_router: str, at_device: str, network: IPv4Network) -> None:
        """A cable between interfaces of these names, the network's first address for the router's."""
        run(f"ip -n {self.router} link add {at_router} type veth peer name {at_device} netns {self.device}")
        self._address(self.router, at_router, f"{network[1]}/{network.prefixlen}")
        self._address(self.device, at_device, f"{network[2]}/{network.prefixlen}")

    def _address(self, namespace: str, interface: str, address: str) -> None:
        run(f"ip -n {namespace} addr add {address} dev {interface}")
        run(f"ip -n {namespace} link set {interface} up")

    def forward(self, rules: str) -> None:
        """The router's rules for what it forwards, in nft's language; all goes through when empty."""
        self.in_router("nft -f -", feed=_RULES.format(forward=rules))

    def limit(self, kilobits: int | None) -> None:
        """Let through so much a second; the queue before it holds 200 ms, like a good home router's."""
        self.in_router("tc qdisc replace dev wan root pfifo limit 1000")
        if kilobits is not None:
            self.in_router(f"tc qdisc replace dev wan root tbf rate {kilobits}kbit burst 4kb latency 200ms")

    def in_router(self, command: str, *, feed: str | None = None) -> None:
        """Run a command in the router's namespace."""
        run(f"ip netns exec {self.router} {command}", feed=feed)
