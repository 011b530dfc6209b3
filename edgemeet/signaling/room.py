"""The room client: one protoo websocket, requests with answers, and one reason why it ended."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Final, NoReturn, Protocol, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from edgemeet.errors import EdgemeetError, ProtocolMismatch, ServerError, SignalingLost
from edgemeet.signaling.faults import WHAT, connection_closed, request_lost, request_refused
from edgemeet.signaling.handshake import open_websocket
from edgemeet.signaling.protoo import (
    MAX_FRAME,
    ErrorResponse,
    JsonObject,
    Message,
    Notification,
    ProtooError,
    Request,
    Response,
    encode,
    parse,
)
from edgemeet.signaling.requests import PendingRequests

OUTGOING_FRAMES: Final = 64  # waiting to be sent; more means that the socket does not drain
_SHORTEST_SECRET: Final = 8  # characters; to look for less would maim ordinary words


@dataclass(frozen=True, slots=True)
class RoomTimings:
    """Deadlines in seconds.

    A half-open socket is noticed at the latest after `ping_interval` + `ping_timeout`, which is to stay
    below 20 s. `request` is the vendor's own figure.
    """

    open: float = 10.0
    request: float = 15.0
    ping_interval: float = 8.0
    ping_timeout: float = 8.0
    close: float = 1.5


DEFAULT_TIMINGS: Final = RoomTimings()


class Handler(Protocol):
    """Who deals with what the server says on its own. Called in order, and must return at once."""

    def on_request(self, request: Request) -> tuple[Response | ErrorResponse, EdgemeetError | None]:
        """The answer, and the error that ends the session after it, if the request was its end."""

    def on_notification(self, notification: Notification) -> EdgemeetError | None:
        """The error that ends the session, if the notification was its end."""


class RoomClient:
    """An open protoo websocket. Made by `connect`, always to be closed by its owner.

    One task owns the reader, the writer and the keep-alive; it lasts until something ends the room, and
    `close` awaits it.
    """

    def __init__(
        self,
        socket: ClientConnection,
        handler: Handler,
        *,
        hide: Collection[str] = (),
        timings: RoomTimings = DEFAULT_TIMINGS,
        rng: random.Random | None = None,
    ) -> None:
        self._socket = socket
        self._handler = handler
        self._hide = tuple(secret for secret in hide if len(secret) >= _SHORTEST_SECRET)
        self._timings = timings
        self._goodbye = timings.close
        self._requests = PendingRequests(rng or random.Random())
        self._outgoing: asyncio.Queue[str] = asyncio.Queue(OUTGOING_FRAMES)
        self._over = asyncio.Event()
        self._ended: Exception | None = None
        self._heard_at = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._run(), name="signaling")

    @classmethod
    async def connect(
        cls,
        url: str,
        handler: Handler,
        *,
        hide: Collection[str] = (),
        timings: RoomTimings = DEFAULT_TIMINGS,
        rng: random.Random | None = None,
        tls: ssl.SSLContext | None = None,
        max_size: int = MAX_FRAME,
    ) -> RoomClient:
        """Open the websocket, within `timings.open` seconds.

        Args:
            url: with the token in it; see `address.websocket_url`.
            handler: deals with the server's requests and notifications.
            hide: secrets; they are blacked out in all that the server says.
            timings: the deadlines.
            rng: where request ids come from.
            tls: instead of `rest.trusting`.
            max_size: bytes of the longest message that is received.

        Raises:
            EdgemeetError: see `handshake.open_websocket`.
        """
        socket = await open_websocket(url, timeout=timings.open, max_size=max_size, hide=hide, tls=tls)
        return cls(socket, handler, hide=hide, timings=timings, rng=rng)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def ended(self) -> Exception | None:
        """Why the room ended; None while it is open. Anything but an EdgemeetError is a fault of ours."""
        return self._ended

    @property
    def stray_answers(self) -> int:
        """How many answers came too late, twice, or to nothing that was asked."""
        return self._requests.stray_answers

    @property
    def round_trip(self) -> float | None:
        """Seconds from the last keep-alive ping to its pong."""
        return self._socket.latency or None

    @property
    def silent_for(self) -> float:
        """Seconds since anything came from the server, pongs too."""
        return asyncio.get_running_loop().time() - self._heard_at

    async def probe(self, timeout: float) -> bool:
        """Ask for a sign of life: whether one came within `timeout` seconds. Ends nothing."""
        try:
            async with asyncio.timeout(timeout):
                await (await self._socket.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        self._heard_at = asyncio.get_running_loop().time()
        return True

    async def wait_closed(self) -> NoReturn:
        """Wait until the room ends, and raise why."""
        await self._over.wait()
        assert self._ended is not None
        raise self._ended

    async def request(
        self, method: str, data: JsonObject | None = None, *, timeout: float | None = None
    ) -> JsonObject:
        """The data of the server's answer.

        Args:
            method: protoo's method.
            data: its arguments.
            timeout: seconds; `timings.request` if None.

        Raises:
            SignalingLost: the room has ended or ends before the answer comes, or the socket is congested.
            ServerError: ``server.no_answer`` in time.
            EdgemeetError: the server refuses; see `refusals`.
            ProtocolMismatch: ``protocol.unsendable`` data.
        """
        if self._ended is not None:
            raise request_lost(method)
        timeout = self._timings.request if timeout is None else timeout
        id_, answer = self._requests.open()
        try:
            self._send(Request(id_, method, data or {}))
            async with asyncio.timeout(timeout):
                reply = await answer
        except TimeoutError:
            raise ServerError(
                f"{WHAT} did not answer {method} within {timeout:g} s", code="server.no_answer"
            ) from None
        finally:
            self._requests.close(id_)
        if isinstance(reply, ErrorResponse):
            raise request_refused(method, reply, self._hide)
        return reply.data

    def end(self, reason: Exception) -> None:
        """End the room for this reason, unless it has ended. Whoever waits is told at once."""
        if self._ended is not None:
            return
        self._ended = reason
        self._over.set()
        self._requests.fail()

    async def close(self, within: float | None = None) -> None:
        """End the room in order, within so many seconds, else `timings.close`.

        Never raises; may be called again.
        """
        if within is not None:
            self._goodbye = within
        self.end(SignalingLost("this device left the meeting", code="signaling.left"))
        try:
            await asyncio.wait([self._task])
        except asyncio.CancelledError:
            self._task.cancel()  # no time for order: drop the socket
            await asyncio.wait([self._task])
            raise

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._read, self._write, self._keep_alive, self._until_over):
                    group.create_task(work())
        except* Exception as faults:  # noqa: BLE001 - none is lost: wait_closed raises it
            # The first; when a socket goes, all tasks stumble over it in one way or another.
            fault = faults.exceptions[0]
            self.end(connection_closed(fault) if isinstance(fault, ConnectionClosed) else fault)
        finally:
            self.end(SignalingLost("this device dropped the connection", code="signaling.left"))
            try:
                await self._say_goodbye()
            finally:
                self._socket.transport.abort()
                await self._socket.wait_closed()

    async def _say_goodbye(self) -> None:
        """Send what still waits, such as the answer to the server's `close`, and close in order."""
        try:
            async with asyncio.timeout(self._goodbye):
                while not self._outgoing.empty():
                    await self._socket.send(self._outgoing.get_nowait())
                await self._socket.close()
        except (TimeoutError, ConnectionClosed):
            pass  # the socket is dropped next

    async def _until_over(self) -> None:
        await self._over.wait()
        raise SignalingLost("over")  # ends the group; the reason is known already

    async def _read(self) -> None:
        while True:
            self._received(await self._socket.recv())
            await asyncio.sleep(0)  # a flood of frames must not starve the media

    async def _write(self) -> None:
        while True:
            await self._socket.send(await self._outgoing.get())

    async def _keep_alive(self) -> None:
        """The server's pings are not relied on, and a dead path sends no FIN."""
        while True:
            await asyncio.sleep(self._timings.ping_interval)
            try:
                async with asyncio.timeout(self._timings.ping_timeout):
                    await (await self._socket.ping())
                self._heard_at = asyncio.get_running_loop().time()
            except TimeoutError:
                raise SignalingLost(
                    f"{WHAT} did not answer a ping within {self._timings.ping_timeout:g} s",
                    code="signaling.half_open",
                ) from None

    def _received(self, frame: str | bytes) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if isinstance(frame, str):
            for secret in self._hide:
                frame = frame.replace(secret, "[...]")
        try:
            message = parse(frame)
        except ProtooError as error:
            raise ProtocolMismatch(f"{WHAT} does not speak protoo: {error}", code="protocol.frame") from None
        ending: EdgemeetError | None = None
        match message:
            case Request():
                answer, ending = self._handler.on_request(message)
                self._send(answer)
            case Notification():
                ending = self._handler.on_notification(message)
            case _:
                self._requests.answered(message)
        if ending is not None:
            self.end(ending)

    def _send(self, message: Message) -> None:
        try:
            self._outgoing.put_nowait(encode(message))
        except asyncio.QueueFull:
            raise SignalingLost(
                f"{WHAT} does not take what this device sends", code="signaling.congested"
            ) from None
        except ProtooError as error:
            raise ProtocolMismatch(f"a message cannot be sent: {error}", code="protocol.unsendable") from None
