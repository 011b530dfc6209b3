"""Lets only those act and read who may, and writes down who told the daemon what."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from edgemeet.control.models import Problem, Refused
from edgemeet.control.peers import Peer, Policy, peer_of

logger = logging.getLogger(__name__)

# The types of ASGI 3, as its specification has them.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# Seconds for a request to come whole. The server takes a few connections at a time: those that say half a
# word and wait would keep all others out.
REQUEST_DEADLINE = 5.0

_EXTENSION = "edgemeet.peer"
_READING = frozenset({"GET", "HEAD"})


class PeerProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which tells the application who connected: `scope["extensions"]`.

    It also hangs up on who does not send a whole request in time; uvicorn waits for ever.
    """

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Ask the kernel once for each connection."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        try:
            peer = peer_of(connection) if connection is not None else None
        except OSError:
            peer = None
        inner: Application = self.app

        async def introduced(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**(scope.get("extensions") or {}), _EXTENSION: peer}
            await inner(scope, receive, send)

        self.app = introduced
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Begin to wait for the rest of a request, or end that."""
        super().data_received(data)
        if not self._is_answering():
            self._expect_request()
        elif self._due is not None:
            self._due.cancel()
            self._due = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_request(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(REQUEST_DEADLINE, self.transport.abort)


class Guard:
    """An ASGI application before another: who may not is answered 403, who tells something is written down.

    Args:
        application: what is guarded.
        policy: who may.
    """

    def __init__(self, application: Application, policy: Policy) -> None:
        self._application = application
        self._policy = policy
        self._refused: set[int] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        peer: Peer | None = (scope.get("extensions") or {}).get(_EXTENSION)
        if peer is None or not self._policy.allows(peer):
            self._note_refusal(peer, scope)
            await _refuse(send)
            return
        if scope["method"] not in _READING:
            logger.info("uid %d (pid %d): %s %s", peer.uid, peer.pid, scope["method"], scope["path"])
        await self._application(scope, receive, send)

    def _note_refusal(self, peer: Peer | None, scope: Scope) -> None:
        uid = peer.uid if peer else -1
        level = logging.DEBUG if uid in self._refused else logging.WARNING
        self._refused.add(uid)
        logger.log(level, "uid %d may not use the control socket: %s %s", uid, scope["method"], scope["path"])


async def _refuse(send: Send) -> None:
    problem = Problem(
        code="control.forbidden",
        message="this user may not use the control socket",
        hint="run as root, or join the group that control.group names, or else the daemon's own",
    )
    body = Refused(error=problem).model_dump_json().encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
