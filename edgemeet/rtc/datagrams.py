"""Datagrams straight to the kernel, past asyncio and what stands on it, while the kernel takes them."""

from __future__ import annotations

import socket
from asyncio.trsock import TransportSocket
from typing import Any, Protocol

Address = tuple[str, int]


class DatagramSender(Protocol):
    """What aioice sends by: asyncio's transport, a relay's, or a TCP connection in the shape of one."""

    def sendto(self, data: bytes, addr: Address, /) -> None:
        """Send, or keep until the kernel takes it."""

    def get_extra_info(self, name: str, /) -> Any:
        """As asyncio's transports; a relay has no "socket", and a connection's is no datagram socket."""


class Datagrams:
    """One address as seen from one socket.

    A packet touches a tenth of the code that asyncio's `sendto` and a method of each layer under it do: a
    processor that has rested since the last picture has none of that in its caches.

    Args:
        sender: sends where the kernel cannot be asked directly, and keeps what it does not take at once.
        address: where to.
    """

    def __init__(self, sender: DatagramSender, address: Address) -> None:
        self._sender = sender
        self._address = address
        self._keeps = False  # the sender keeps packets, which those that come later must not overtake
        self._socket = self._own_socket()

    def _own_socket(self) -> socket.socket | None:
        shared: TransportSocket | None = self._sender.get_extra_info("socket")
        return shared.dup() if shared is not None and shared.type == socket.SOCK_DGRAM else None

    @property
    def backlog(self) -> int:
        """Bytes that the kernel did not take yet and the sender keeps; 0 for a relay, which cannot tell."""
        if self._socket is not None and not self._keeps:
            return 0
        size = getattr(self._sender, "get_write_buffer_size", None)
        return int(size()) if size is not None else 0

    def send(self, packet: bytes | memoryview) -> None:
        """Send at once; what the kernel has no room for is kept and sent when it has.

        Raises:
            OSError: the kernel refuses it: no route, a firewall's rule, no such address on this machine.
        """
        if self._keeps:
            self._keeps = self.backlog > 0
        if self._socket is not None and not self._keeps:
            try:
                self._socket.sendto(packet, self._address)
            except BlockingIOError:
                self._keeps = True
            else:
                return
        self._sender.sendto(bytes(packet), self._address)

    def close(self) -> None:
        """Give the descriptor back. The sender's own socket stays open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
