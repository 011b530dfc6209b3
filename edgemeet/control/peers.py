"""Who is at the other end of the control socket, as the kernel tells it, and what they may do."""

from __future__ import annotations

import errno
import grp
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from edgemeet.errors import ControlError

_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
# asm-generic/socket.h, since Linux 4.13; the socket module does not name it.
_SO_PEERGROUPS: Final = 59
_GROUPS_SIZE: Final = 1024  # bytes, the most that Python's getsockopt takes: 256 groups


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, as it was when it did.

    Attributes:
        pid: its process id, for the log only: it may be another's by now.
        uid: its user.
        groups: its group and its supplementary groups.
    """

    pid: int
    uid: int
    groups: frozenset[int]


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may use the control socket: root, `uid`, and members of `gid`; nobody else, not even to read.

    Status tells who is in the meeting and a snapshot shows the room, so that reading is no lesser right.
    """

    uid: int
    gid: int

    @classmethod
    def for_group(cls, group: str | None = None) -> Policy:
        """For this process' own user, and the members of `group` or else of its own group.

        Raises:
            ControlError: there is no such group (control.group).
        """
        try:
            return cls(os.geteuid(), os.getegid() if group is None else grp.getgrnam(group).gr_gid)
        except LookupError as error:
            raise ControlError(
                f"control.group: there is no group {group}",
                code="control.group",
                hint="make it with `groupadd --system`, or set control.group to one that is there",
            ) from error

    def allows(self, peer: Peer) -> bool:
        """Whether `peer` may."""
        return peer.uid in {0, self.uid} or self.gid in peer.groups


def peer_of(connection: socket.socket) -> Peer:
    """Who connected.

    The groups are those the peer has, not those a user database would give it: asking one may block, and
    may answer what the peer's session does not know yet.

    Raises:
        OSError: it is not a connected Unix socket.
    """
    if connection.family != socket.AF_UNIX:  # Linux answers for any socket, with an unknown user
        raise OSError(errno.ENOTSOCK, "not a Unix socket")
    pid, uid, gid = _CREDENTIALS.unpack(
        connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return Peer(pid, uid, frozenset({gid, *_supplementary_groups(connection)}))


def _supplementary_groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_SIZE)
    except OSError:  # ERANGE: more than fit; an older kernel
        return ()
    return struct.unpack(f"{len(raw) // 4}I", raw)
