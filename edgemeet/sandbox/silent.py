"""A participant that came over WHIP: in the room like the others, and nobody to speak protoo with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from pydantic import JsonValue

from edgemeet.sandbox.peersocket import RequestRejected
from edgemeet.sandbox.refusal import Code, LeaveReason
from edgemeet.signaling.protoo import ErrorResponse, Response


class Ear(Protocol):
    """What a room needs to tell a participant something: what `PeerSocket` is to it."""

    @property
    def is_open(self) -> bool:
        """False once it was closed from either side."""

    def notify(self, method: str, data: dict[str, JsonValue]) -> None:
        """Send a notification."""

    def respond(self, message: Response | ErrorResponse) -> None:
        """Answer a request."""

    def begin_request(self, method: str, data: dict[str, JsonValue]) -> asyncio.Future[dict[str, JsonValue]]:
        """Send a request; the future gives its answer, or raises `RequestRejected`."""

    def expel(self, reason: LeaveReason, error: Code | None = None) -> None:
        """Say why, then close."""


class NoSocket:
    """Takes everything in and passes nothing on: WHIP has no words for it. `expel` ends the session."""

    def __init__(self, on_expelled: Callable[[], None]) -> None:
        self._on_expelled = on_expelled
        self._open = True

    @property
    def is_open(self) -> bool:
        """See `Ear`."""
        return self._open

    def notify(self, method: str, data: dict[str, JsonValue]) -> None:
        """See `Ear`."""

    def respond(self, message: Response | ErrorResponse) -> None:
        """See `Ear`."""

    def begin_request(self, method: str, data: dict[str, JsonValue]) -> asyncio.Future[dict[str, JsonValue]]:
        """See `Ear`. Every request is rejected."""
        future: asyncio.Future[dict[str, JsonValue]] = asyncio.get_running_loop().create_future()
        future.set_exception(RequestRejected(403, "this participant came over WHIP"))
        future.exception()  # taken, so that nobody warns where nobody waits
        return future

    def expel(self, reason: LeaveReason, error: Code | None = None) -> None:
        """See `Ear`."""
        if self._open:
            self._open = False
            self._on_expelled()
