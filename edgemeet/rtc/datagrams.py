"""Datagrams straight to the kernel, past asyncio and what stands on it."""

from __future__ import annotations

import asyncio
import socket
from asyncio.trsock import TransportSocket
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

Address = tuple[str, int]


class DatagramSender(Protocol):
    """What aioice sends by: asyncio's transport, a relay's, or a TCP connection in the shape of one."""

    def sendto(self, data: bytes, addr: Address, /) -> None:
        """Send, or keep until the kernel takes it."""

    def get_extra_info(self, name: str, /) -> Any:
        """As asyncio's transports; a relay has no "socket", and a connection's is no datagram socket."""


class Datagrams:
    """One address as seen from one socket, on the running event loop.

    A packet touches a tenth of the code that asyncio's `sendto` and a method of each layer under it do: a
    processor that has rested since the last picture has none of that in its caches.

    Args:
        sender: whose socket it is; sends itself where it has none.
        address: where to.
    """

    def __init__(self, sender: DatagramSender, address: Address) -> None:
        self._sender = sender
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._kept: deque[bytes] = deque()  # what the kernel had no room for, oldest first
        self._kept_bytes = 0
        shared: TransportSocket | None = sender.get_extra_info("socket")
        datagrams = shared is not None and shared.type == socket.SOCK_DGRAM
        self._socket = shared.dup() if shared is not None and datagrams else None

    @property
    def backlog(self) -> int:
        """Bytes that the kernel did not take yet; 0 for a relay, which cannot tell."""
        if self._socket is not None:
            return self._kept_bytes
        size = getattr(self._sender, "get_write_buffer_size", None)
        return int(size()) if size is not None else 0

    def send(self, packet: bytes | memoryview) -> None:
        """Send at once; what the kernel has no room for is kept, without a bound, and sent when it has.

        Raises:
            OSError: the kernel refuses it: no route, a firewall's rule, no such address on this machine.
        """
        if self._socket is None:
            self._sender.sendto(bytes(packet), self._address)
            return
        if not self._kept:
            try:
                self._socket.sendto(packet, self._address)
            except BlockingIOError:
                self._loop.add_writer(self._socket, self._send_kept)
            else:
                return
        self._kept.append(bytes(packet))
        self._kept_bytes += len(packet)

    def _send_kept(self) -> None:
        assert self._socket is not None
        while self._kept:
            # One that is refused is as lost as one that the network drops.
            with suppress(OSError):
                try:
                    self._socket.sendto(self._kept[0], self._address)
                except BlockingIOError:
                    return
            self._kept_bytes -= len(self._kept.popleft())
        self._loop.remove_writer(self._socket)

    def close(self) -> None:
        """Forget what is kept, and give the descriptor back. The sender's own socket stays open."""
        if self._socket is None:
            return
        if self._kept:
            self._loop.remove_writer(self._socket)
            self._kept.clear()
            self._kept_bytes = 0
        self._socket.close()
        self._socket = None
