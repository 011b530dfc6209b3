"""Sockets that systemd opened for the service: sd_listen_fds(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from pathlib import Path

_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 64  # a larger number is somebody's mistake, not ours to close


def activated_socket(
    path: Path, *, environ: MutableMapping[str, str] = os.environ, first: int = _FIRST
) -> socket.socket | None:
    """The listening Unix socket at `path` that systemd passed to this process, or None.

    The variables are removed and all passed descriptors are closed on exec, so that child processes get
    neither. Descriptors that are nothing of the kind are left open and unused.

    Args:
        path: where the socket must lie.
        environ: $LISTEN_PID and $LISTEN_FDS.
        first: the first passed descriptor.
    """
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isascii() or not count.isdigit():
        return None
    found = None
    for descriptor in range(first, first + min(int(count), _MOST)):
        try:
            os.set_inheritable(descriptor, False)
            candidate = socket.socket(fileno=descriptor)
        except OSError:
            continue
        if found is None and _listens_at(candidate, path):
            found = candidate
        else:
            candidate.detach()
    return found


def _listens_at(candidate: socket.socket, path: Path) -> bool:
    return (
        candidate.family == socket.AF_UNIX
        and candidate.type == socket.SOCK_STREAM
        and bool(candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        and candidate.getsockname() == str(path)
    )
