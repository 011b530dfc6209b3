"""The network of a device, and what is done to it. Tests that run at the same time have others."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network

from rigging.routed import RoutedNetwork
from rigging.waiting import run


class Network(RoutedNetwork):
    """Where the device is when all is well."""

    def __init__(self) -> None:
        worker = re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or "0"
        self._n = int(worker)
        super().__init__(
            device=f"device{self._n}",
            router=f"router{self._n}",
            link=f"rig{self._n}",
            outside=IPv4Network(f"10.214.{100 + self._n}.0/24"),
            inside=IPv4Network(f"10.214.{200 + self._n}.0/24"),
        )
        self._wan = [str(self.outside[2]), str(self.outside[3])]
        self._own = 2

    def pull_cable(self) -> None:
        """The device's interface loses its carrier."""
        run(f"ip -n {self.router} link set lan down")

    def plug_cable(self) -> None:
        run(f"ip -n {self.router} link set lan up")

    def change_address(self) -> None:
        """Another lease: the old address is gone before the new one is there."""
        old, self._own = self._own, 2 if self._own == 77 else 77
        run(f"ip -n {self.device} addr del {self.inside[old]}/24 dev eth0")
        run(f"ip -n {self.device} addr add {self.inside[self._own]}/24 dev eth0")
        run(f"ip -n {self.device} route replace default via {self.inside[1]}")

    def open_second_way(self) -> None:
        """Another router, which takes none of the first network's addresses, with a less preferred route."""
        second = IPv4Network(f"10.214.{220 + self._n}.0/24")
        self.connect("lan2", "eth1", second)
        self.forward(f'iifname "lan2" ip saddr != {second} drop;')
        run(f"ip -n {self.device} route add default via {second[1]} metric 600")

    def lose_first_way(self) -> None:
        """The preferred default route goes; the address stays where it is."""
        run(f"ip -n {self.device} route del default via {self.inside[1]}")

    def rebind(self) -> None:
        """The router gets another address and forgets its translations, as after a reconnect at night."""
        self._wan.reverse()
        run(f"ip -n {self.router} addr del {self._wan[1]}/24 dev wan")
        run(f"ip -n {self.router} addr add {self._wan[0]}/24 dev wan")

    def lead_ipv6_nowhere(self) -> None:
        """The device has an IPv6 address and a default route; the router drops what comes that way."""
        run(f"ip -n {self.router} addr add fd00:1::1/64 dev lan nodad")
        run(f"ip -n {self.device} addr add fd00:1::2/64 dev eth0 nodad")
        run(f"ip -n {self.device} -6 route add default via fd00:1::1")
        self.in_router("nft add table ip6 nowhere")
        self.in_router(
            "nft add chain ip6 nowhere pre "
            "{ type filter hook prerouting priority 0; ip6 daddr fd00:dead::/32 drop; }"
        )
