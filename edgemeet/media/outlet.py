"""The child's end of the socket: access units out, commands in, nothing ever queued.

The kernel holds a few hundred kilobytes. Once a quarter of them is unread the parent is behind, and what
comes meanwhile is dropped here, at the source. At most one message is unfinished; its rest goes first.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence

from edgemeet.media import messages, wire

_READ_SIZE = 16 << 10
_SEND_BUFFER = 1 << 20  # bytes; the kernel caps it, to 208 KiB unless told otherwise


class ParentGone(Exception):
    """The other end of the socket is closed: there is nobody to capture for."""


class Outlet:
    """Wraps the connected socket, which it makes non-blocking; the caller closes the socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN | select.POLLOUT)
        self._socket = sock
        self._decoder = wire.Decoder()
        self._rest = memoryview(b"")
        self._room = False  # there was some, and nothing was sent since: only this end takes it away

    def congested(self) -> bool:
        """True while the parent has yet to read what it was sent: encoding now would be for nothing.

        Raises:
            ParentGone: the parent closed the socket.
        """
        if self._rest:
            self._rest = self._rest[self._send((self._rest,)) :]
        if not self._room:
            self._look()
        return bool(self._rest) or not self._room

    def offer(self, *parts: bytes) -> bool:
        """Send one message, given in parts, or drop it (False) when the parent is behind.

        Raises:
            ParentGone: the parent closed the socket.
        """
        if self.congested():
            return False
        sent = self._send(parts)
        if not sent:
            return False
        if sent < sum(map(len, parts)):
            self._rest = memoryview(b"".join(parts))[sent:]
        return True

    def deliver(self, message: messages.Report, timeout: float = 1.0) -> bool:
        """Send a message that must not be dropped, waiting up to `timeout` seconds for room.

        Raises:
            ParentGone: the parent closed the socket.
        """
        data = wire.encode(message)
        deadline = time.monotonic() + timeout
        while not self.offer(data):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            select.select((), (self._socket,), (), remaining)
        while self.congested() and (remaining := deadline - time.monotonic()) > 0:
            select.select((), (self._socket,), (), remaining)
        return True

    def commands(self, timeout: float = 0.0) -> Sequence[messages.Message]:
        """What the parent asked for since the last call; waits up to `timeout` seconds for the first.

        Raises:
            ParentGone: the parent closed the socket.
            wire.FramingError: the parent is of another version.
        """
        if timeout:
            select.select((self._socket,), (), (), timeout)
        if not self._look():
            return ()
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return ()
        except ConnectionError as error:
            raise ParentGone from error
        if not data:
            raise ParentGone
        return self._decoder.feed(data)

    def _look(self) -> bool:
        """Whether there is something to read; remembers whether there is room, in the same call."""
        events = self._poll.poll(0)
        state = events[0][1] if events else 0
        self._room = bool(state & ~select.POLLIN)  # Linux: less than a quarter of the buffer is unread
        return bool(state & ~select.POLLOUT)

    def _send(self, parts: Sequence[bytes | memoryview]) -> int:
        self._room = False
        try:
            return self._socket.sendmsg(parts)
        except BlockingIOError:
            return 0
        except ConnectionError as error:
            raise ParentGone from error
