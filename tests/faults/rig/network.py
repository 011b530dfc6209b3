"""A device behind a router: two network namespaces, and the servers on this side of them.

device 10.214.2N.2 -- 10.214.2N.1 router 10.214.1N.2 -- 10.214.1N.1 this side

The router translates addresses, as the one in a branch office does. N differs among the networks of tests
that run at the same time.
"""

from __future__ import annotations

import os
import re
import subprocess
from typing import Final

from rig.waiting import run

_NAT: Final = """
flush ruleset
table ip rig {{
  chain forward {{ type filter hook forward priority 0; {rules} }}
  chain out {{ type nat hook postrouting priority 100; oifname "wan" masquerade; }}
}}
"""


class Network:
    """Removed by `close`."""

    def __init__(self) -> None:
        worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
        self._n = int(worker)
        self.device = f"device{self._n}"
        self._router = f"router{self._n}"
        self._link = f"rig{self._n}"
        self.server = f"10.214.{100 + self._n}.1"
        self._wan = [f"10.214.{100 + self._n}.2", f"10.214.{100 + self._n}.3"]
        self.lan = f"10.214.{200 + self._n}"
        self._own = 2

    def open(self) -> None:
        for name in (self.device, self._router):
            run(f"ip netns add {name}")
            run(f"ip -n {name} link set lo up")
        run(f"ip link add {self._link} type veth peer name wan netns {self._router}")
        run(f"ip -n {self._router} link add lan type veth peer name eth0 netns {self.device}")
        run(f"ip addr add {self.server}/24 dev {self._link}")
        run(f"ip link set {self._link} up")
        for name, link, address in (
            (self._router, "wan", f"{self._wan[0]}/24"),
            (self._router, "lan", f"{self.lan}.1/24"),
            (self.device, "eth0", f"{self.lan}.2/24"),
        ):
            run(f"ip -n {name} addr add {address} dev {link}")
            run(f"ip -n {name} link set {link} up")
        run(f"ip -n {self.device} route add default via {self.lan}.1")
        run(f"ip netns exec {self._router} sysctl -qw net.ipv4.ip_forward=1")
        self.forward("")

    def forward(self, rules: str) -> None:
        """The router's rules for what it forwards, in nft's language; all goes through when empty."""
        run(f"ip netns exec {self._router} nft -f -", feed=_NAT.format(rules=rules))

    def pull_cable(self) -> None:
        """The device's interface loses its carrier."""
        run(f"ip -n {self._router} link set lan down")

    def plug_cable(self) -> None:
        run(f"ip -n {self._router} link set lan up")

    def change_address(self) -> None:
        """Another lease: the old address is gone before the new one is there."""
        old, self._own = self._own, 2 if self._own == 77 else 77
        run(f"ip -n {self.device} addr del {self.lan}.{old}/24 dev eth0")
        run(f"ip -n {self.device} addr add {self.lan}.{self._own}/24 dev eth0")
        run(f"ip -n {self.device} route replace default via {self.lan}.1")

    def open_second_way(self) -> None:
        """Another router, which takes none of the first network's addresses, with a less preferred route."""
        lan = f"10.214.{220 + self._n}"
        run(f"ip -n {self._router} link add lan2 type veth peer name eth1 netns {self.device}")
        for name, link, address in (
            (self._router, "lan2", f"{lan}.1/24"),
            (self.device, "eth1", f"{lan}.2/24"),
        ):
            run(f"ip -n {name} addr add {address} dev {link}")
            run(f"ip -n {name} link set {link} up")
        self.forward(f'iifname "lan2" ip saddr != {lan}.0/24 drop;')
        run(f"ip -n {self.device} route add default via {lan}.1 metric 600")

    def lose_first_way(self) -> None:
        """The preferred default route goes; the address stays where it is."""
        run(f"ip -n {self.device} route del default via {self.lan}.1")

    def rebind(self) -> None:
        """The router gets another address and forgets its translations, as after a reconnect at night."""
        self._wan.reverse()
        run(f"ip -n {self._router} addr del {self._wan[1]}/24 dev wan")
        run(f"ip -n {self._router} addr add {self._wan[0]}/24 dev wan")

    def lead_ipv6_nowhere(self) -> None:
        """The device has an IPv6 address and a default route; the router drops what comes that way."""
        run(f"ip -n {self._router} addr add fd00:1::1/64 dev lan nodad")
        run(f"ip -n {self.device} addr add fd00:1::2/64 dev eth0 nodad")
        run(f"ip -n {self.device} -6 route add default via fd00:1::1")
        run(f"ip netns exec {self._router} nft add table ip6 nowhere")
        run(
            f"ip netns exec {self._router} nft add chain ip6 nowhere pre "
            "{ type filter hook prerouting priority 0; ip6 daddr fd00:dead::/32 drop; }"
        )

    def narrow(self, kilobits: int) -> None:
        """What the device sends passes at this rate; the router queues a fifth of a second."""
        run(
            f"ip netns exec {self._router} tc qdisc replace dev wan root tbf "
            f"rate {kilobits}kbit burst 4kb latency 200ms"
        )

    def close(self) -> None:
        for name in (self.device, self._router):
            subprocess.run(("ip", "netns", "del", name), capture_output=True, check=False)
        subprocess.run(("ip", "link", "del", self._link), capture_output=True, check=False)
