"""ICE over TCP (RFC 6544), the active side alone: what aioice lacks.

aioice asks little of a datagram socket. Here a TCP connection to one candidate of the server plays that
part, so that checks and nomination stay aioice's.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from edgemeet.rtc.framing import Deframer, frame

Address = tuple[str, int]


class DatagramReceiver(Protocol):
    """What aioice's protocol of one socket offers."""

    def connection_made(self, transport: Any, /) -> None:
        """A socket is there: `FramedSocket` in place of asyncio's."""

    def datagram_received(self, data: bytes, addr: Address, /) -> None:
        """A packet came."""

    def connection_lost(self, exc: Exception | None, /) -> None:
        """The socket is gone."""


class FramedSocket(asyncio.Protocol):
    """A TCP connection in the shape of a datagram socket that reaches one address.

    Args:
        receiver: gets what arrives.
        remote: the only address that packets go to and come from.
    """

    def __init__(self, receiver: DatagramReceiver, remote: Address) -> None:
        self._receiver = receiver
        self._remote = remote
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None

    # As asyncio sees it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._receiver.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """As asyncio.Protocol."""
        for packet in self._deframer.feed(data):
            self._receiver.datagram_received(packet, self._remote)

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio.Protocol."""
        self._receiver.connection_lost(exc)

    # As aioice sees it

    def sendto(self, data: bytes, addr: Address) -> None:
        """Send a packet; one for another address, or on a closed connection, is dropped as UDP would."""
        if self._transport is not None and not self._transport.is_closing() and addr == self._remote:
            self._transport.write(frame(data))

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel did not take yet."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def get_extra_info(self, name: str) -> Any:
        """As asyncio's transports."""
        return self._transport.get_extra_info(name) if self._transport is not None else None

    def close(self) -> None:
        """Close after what is queued."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()
