"""The parent's end of the socket: reports in as they come, commands out at once, never blocking."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from edgemeet.media import messages, wire

_READ_SIZE = 64 << 10  # bytes per turn of the loop: half a millisecond of work at most


class Link:
    """Reads `sock` (and owns it) on the running loop, calling `on_report` for each message of the child's.

    `ended` is set when the child closed its end, or spoke nonsense; `error` tells which.
    """

    def __init__(self, sock: socket.socket, on_report: Callable[[messages.Message], None]) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._on_report = on_report
        self._decoder = wire.Decoder()
        self._loop = asyncio.get_running_loop()
        self._reading = True
        self.ended = asyncio.Event()
        self.error: wire.FramingError | None = None
        self._loop.add_reader(sock, self._on_readable)

    def send(self, command: messages.Command) -> bool:
        """Send a command; False when the child is gone or has not read the many before this one."""
        try:
            self._socket.send(wire.encode(command))  # Linux takes so little whole or not at all
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Stop reading and close the socket, which tells a child that is still there to end."""
        self._end()
        self._socket.close()

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        try:
            reports = self._decoder.feed(data)
        except wire.FramingError as error:
            self.error = error
            self._end()
            return
        for report in reports:
            self._on_report(report)

    def _end(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)
            self.ended.set()
