"""A participant's websocket: protoo messages out of a bounded queue, requests answered by id."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import JsonValue
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from edgemeet.sandbox.refusal import REASON_TEXTS, TEXTS, Code, LeaveReason
from edgemeet.signaling.protoo import (
    ErrorResponse,
    Message,
    Notification,
    ProtooError,
    Request,
    Response,
    encode,
    parse,
)

_log = logging.getLogger(__name__)

QUEUE: Final = 512  # messages waiting for a participant; one who takes no more is let go
MAX_UNANSWERED: Final = 256  # requests to one participant
GOODBYE: Final = 4000  # protoo: closed on purpose, do not reconnect
MALFORMED: Final = 1007
# What uvicorn tells of a connection that was reset, and of one whose pings were not answered.
_LOST: Final = frozenset({1005, 1006, 1011})
_CLOSE_TIMEOUT: Final = 2.0  # seconds to hand over what is queued before the socket closes

RequestHandler = Callable[[Request], Awaitable[None]]


class RequestRejected(Exception):
    """The participant refused a request of ours, or went away."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code


class PeerSocket:
    """Speaks protoo with one participant.

    `notify`, `respond` and `begin_request` never wait: they queue. A full queue ends the connection.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._queue: asyncio.Queue[str | int] = asyncio.Queue(QUEUE)
        self._pending: dict[int, asyncio.Future[dict[str, JsonValue]]] = {}
        self._ids = itertools.count(1)
        self._ended = asyncio.Event()
        self.lost = False
        """True when it ended without a goodbye from either side."""

    @property
    def client(self) -> tuple[str, int] | None:
        """The other end's address."""
        address = self._websocket.client
        return (address.host, address.port) if address else None

    @property
    def is_open(self) -> bool:
        """False once it was closed from either side."""
        return not self._ended.is_set()

    def notify(self, method: str, data: dict[str, JsonValue]) -> None:
        """Send a notification."""
        self._put(Notification(method, data))

    def respond(self, message: Response | ErrorResponse) -> None:
        """Answer a request."""
        self._put(message)

    def begin_request(self, method: str, data: dict[str, JsonValue]) -> asyncio.Future[dict[str, JsonValue]]:
        """Send a request; the future gives its answer, or raises `RequestRejected`."""
        future: asyncio.Future[dict[str, JsonValue]] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_take_exception)
        if not self.is_open or len(self._pending) >= MAX_UNANSWERED:
            future.set_exception(RequestRejected(503, "not connected, or too many requests unanswered"))
            return future
        request_id = next(self._ids)
        self._pending[request_id] = future
        future.add_done_callback(lambda _: self._pending.pop(request_id, None))
        self._put(Request(request_id, method, data))
        return future

    def expel(self, reason: LeaveReason, error: Code | None = None) -> None:
        """Say why, then close: the `error` notification if there is one, the `close` request, the socket."""
        if error is not None:
            self.notify("error", {"code": int(error), "message": TEXTS[error]})
        self.begin_request("close", {"reason": {"code": int(reason), "message": REASON_TEXTS[reason]}})
        self.close(GOODBYE)

    def close(self, code: int) -> None:
        """Close after what is queued."""
        try:
            self._queue.put_nowait(code)
        except asyncio.QueueFull:
            self._ended.set()

    async def run(self, on_request: RequestHandler) -> None:
        """Serve until either side closes. Requests are handled one after the other, in their order."""
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._read(on_request))
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({writer, reader, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended.set()
            for task in (writer, reader, ended):
                task.cancel()
            results = await asyncio.gather(writer, reader, ended, return_exceptions=True)
            for future in list(self._pending.values()):
                if not future.done():
                    future.set_exception(RequestRejected(410, "gone"))
            await self._close_now(GOODBYE)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                raise result

    async def _read(self, on_request: RequestHandler) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                self.lost = self.is_open and event.get("code") in _LOST
                return
            text = event.get("text")
            try:
                message = parse(text if text is not None else event.get("bytes", b""))
            except ProtooError as error:
                if _is_response(text):
                    _log.info("ignoring an answer: %s", error)
                    continue
                _log.info("closing a websocket: %s", error)
                await self._close_now(MALFORMED)
                return
            match message:
                case Request():
                    await on_request(message)
                case Response(id_, data):
                    self._settle(id_, data)
                case ErrorResponse(id_, code, reason):
                    self._settle(id_, RequestRejected(code, reason[:200]))
                case Notification():
                    pass  # participants have nothing to tell that is not a request

    def _settle(self, request_id: int, answer: dict[str, JsonValue] | RequestRejected) -> None:
        future = self._pending.get(request_id)
        if future is None or future.done():
            return
        if isinstance(answer, RequestRejected):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    async def _write(self) -> None:
        while True:
            item = await self._queue.get()
            if isinstance(item, int):
                await self._close_now(item)
                return
            await self._websocket.send_text(item)

    async def _close_now(self, code: int) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._websocket.close(code)
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            pass  # it is gone already

    def _put(self, message: Message) -> None:
        if not self.is_open:
            return
        try:
            self._queue.put_nowait(encode(message))
        except asyncio.QueueFull:
            _log.warning("letting a participant go that takes no messages")
            self._ended.set()


def _is_response(text: str | None) -> bool:
    """True for an answer of whatever shape.

    The vendor's Python SDK refuses consumers with the consumer's id where the request's belongs; that must
    not cost it the connection.
    """
    try:
        message = json.loads(text or "")
    except (ValueError, RecursionError):
        return False
    return isinstance(message, dict) and message.get("response") is True


def _take_exception(future: asyncio.Future[dict[str, JsonValue]]) -> None:
    """So that nobody warns of an answer that nobody waited for."""
    if not future.cancelled():
        future.exception()
