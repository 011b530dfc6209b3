"""journald's own protocol: one entry a record, with fields to look for.

systemd.journal-fields(7) and https://systemd.io/JOURNAL_NATIVE_PROTOCOL: a datagram of ``FIELD=value`` lines;
a value with line breaks follows its name, a line break and its length. A traceback stays one entry that way.
"""

from __future__ import annotations

import logging
import socket
import struct
from pathlib import Path
from typing import Final

SOCKET: Final = Path("/run/systemd/journal/socket")
# Bytes. A datagram that the kernel refuses for its size is lost whole; this is far below any limit.
LONGEST_MESSAGE: Final = 48_000


def entry(**fields: str) -> bytes:
    """One entry of the journal."""
    lines = []
    for name, value in fields.items():
        data = value.encode(errors="replace")
        if b"\n" in data:
            lines.append(name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n")
        else:
            lines.append(name.encode() + b"=" + data + b"\n")
    return b"".join(lines)


class JournalHandler(logging.Handler):
    """Writes to journald without ever waiting for it: what it does not take at once is lost.

    Raises:
        OSError: there is no journal.
    """

    def __init__(self, path: Path = SOCKET) -> None:
        super().__init__()
        if not path.is_socket():
            raise FileNotFoundError(f"there is no journal at {path}")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._socket.setblocking(False)
        self._path = str(path)

    def emit(self, record: logging.LogRecord) -> None:
        """Send it. Not over a connection: a journald that was started anew has another socket there."""
        try:
            self._socket.sendto(self._entry(record), self._path)
        except OSError:  # its queue is full, or it is being started anew: the event loop must not wait for it
            pass
        except Exception:  # noqa: BLE001 - whatever a record's arguments do when they are made text
            self.handleError(record)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> bytes:
        room = record.name.split(".")
        return entry(
            MESSAGE=self.format(record)[:LONGEST_MESSAGE],
            PRIORITY=str(priority(record.levelno)),
            SYSLOG_IDENTIFIER="edgemeet",
            EDGEMEET_ROOM=room[1] if room[0] == "edgemeet" and len(room) > 1 else record.name,
            CODE_FILE=record.pathname,
            CODE_LINE=str(record.lineno),
            CODE_FUNC=record.funcName or "",
        )


def priority(level: int) -> int:
    """The syslog priority of a level of `logging`."""
    known = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
    return known.get(level, 6)
