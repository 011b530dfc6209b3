"""Tells when a network became usable: a link runs, an address is there, a way out was found or changed."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import Final

from edgemeet.world.netlink import (
    NLMSG_DONE,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETROUTE,
    RTMGRP,
    Networks,
    dump_request,
    messages,
)

logger = logging.getLogger(__name__)

_LARGEST: Final = 65_536  # bytes of one datagram; the kernel sends at most 32 kB
# Link, address and route come within a moment of each other: they are one change.
_SETTLE: Final = 0.1


class LinkWatch:
    """Listens to the kernel's rtnetlink; needs no permission.

    Args:
        on_change: called on the event loop, a tenth of a second after the first sign of a change.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._networks = Networks()
        self._waiting_dumps = [RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE]
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled. Where the kernel does not allow it, that is written down once."""
        try:
            opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        except OSError as error:
            logger.warning("changes of the network are not noticed: no netlink socket: %s", error.strerror)
            return
        with opened:
            opened.bind((0, RTMGRP))
            loop = asyncio.get_running_loop()
            self._ask(opened)
            loop.add_reader(opened, self._read, opened)
            try:
                while True:
                    await self._changed.wait()
                    await asyncio.sleep(_SETTLE)
                    self._changed.clear()
                    self._on_change()
            finally:
                loop.remove_reader(opened)

    def _ask(self, opened: socket.socket) -> None:
        """What is there at the start is no change."""
        if self._waiting_dumps:
            opened.send(dump_request(self._waiting_dumps[0]))

    def _read(self, opened: socket.socket) -> None:
        try:
            data = opened.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self._changed.set()  # more has changed than could be told
            return
        for kind, payload in messages(data):
            if kind == NLMSG_DONE and self._waiting_dumps:
                del self._waiting_dumps[0]
                self._ask(opened)
            elif self._networks.take(kind, payload) and not self._waiting_dumps:
                self._changed.set()
