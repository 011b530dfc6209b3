"""The way from a device to a server, through a home router whose uplink gets worse."""

from __future__ import annotations

import os
from ipaddress import IPv4Network

from rigging.routed import RoutedNetwork


class Link(RoutedNetwork):
    """The router at home."""

    def __init__(self) -> None:
        pid = os.getpid()
        # Runs at the same time have addresses of their own: 16,384 networks of four.
        network = pid % 16384
        super().__init__(
            device=f"uplink-d{pid}",
            router=f"uplink-r{pid}",
            link=f"up{pid % 10**8}",
            outside=IPv4Network(f"10.215.{network >> 6}.{(network & 63) * 4}/30"),
            inside=IPv4Network("10.214.0.0/30"),
        )

    def lose(self, percent: float) -> None:
        """Lose this share of what the device sends over UDP."""
        lost = f'iifname "lan" meta l4proto udp numgen random mod 1000 < {round(10 * percent)} drop;'
        self.forward(lost if percent else "")
