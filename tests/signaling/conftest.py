"""A VideoSDK room on loopback whose every answer a test can replace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse

from edgemeet.signaling import InitConfig, JoinOptions, Meeting, MeetingEvent, RoomTimings
from edgemeet.signaling.protoo import (
    ErrorResponse,
    JsonObject,
    Message,
    Notification,
    Request,
    Response,
    encode,
    parse,
)
from edgemeet.signaling.room import DEFAULT_TIMINGS

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzZWNyZXQiOiJodXNoIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

ROUTER: JsonObject = {
    "codecs": [
        {
            "kind": "audio",
            "mimeType": "audio/opus",
            "preferredPayloadType": 100,
            "clockRate": 48000,
            "channels": 2,
        },
        {"kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 101, "clockRate": 90000},
    ],
    "headerExtensions": [],
}
TRANSPORT: JsonObject = {
    "id": "transport-1",
    "iceParameters": {"usernameFragment": "uf", "password": "ice-password", "iceLite": True},
    "iceCandidates": [
        {
            "foundation": "udp",
            "priority": 1,
            "ip": "127.0.0.1",
            "protocol": "udp",
            "port": 40000,
            "type": "host",
        }
    ],
    "dtlsParameters": {"role": "auto", "fingerprints": [{"algorithm": "sha-256", "value": "AA:BB"}]},
    "sctpParameters": {"port": 5000, "OS": 1024, "MIS": 1024, "maxMessageSize": 262144},
}
ALLOWED: JsonObject = {"id": "device", "peerId": "device", "decision": "allowed", "sessionId": "session-1"}

Script = Callable[["ScriptedRoom", Request], Awaitable[None]]


def says(*messages: Message | str | bytes | JsonObject) -> Script:
    """A script that sends this; a bare object is the data of the answer."""

    async def script(room: ScriptedRoom, request: Request) -> None:
        for message in messages:
            if isinstance(message, dict):
                await room.send(Response(request.id, message))
            elif isinstance(message, ErrorResponse):
                await room.send(ErrorResponse(request.id, message.code, message.reason))
            else:
                await room.send(message)

    return script


async def silence(room: ScriptedRoom, request: Request) -> None:
    """A script that does not answer."""


class ScriptedRoom:
    """The server: answers as `scripts` say, and keeps what it was told."""

    def __init__(self) -> None:
        self.url = ""
        self.paths: list[str] = []
        self.requests: list[Request] = []
        self.answers: asyncio.Queue[Response | ErrorResponse] = asyncio.Queue()
        self.sockets: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self.socket: ServerConnection | None = None
        self.closed = asyncio.Event()
        self.upgrade: Callable[[ServerConnection, HttpRequest], HttpResponse | None] = lambda *_: None
        self.scripts: dict[str, Script] = {
            "getRouterRtpCapabilities": says(ROUTER),
            "createWebRtcTransport": says(TRANSPORT),
            "requestEntry": says({}, Notification("entryResponded", ALLOWED)),
            "join": says({"peers": [{"id": "other", "displayName": "Other"}], "messages": []}),
            "produce": says({"id": "producer-1"}),
        }

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    async def send(self, message: Message | str | bytes) -> None:
        assert self.socket is not None
        await self.socket.send(message if isinstance(message, str | bytes) else encode(message))

    async def ask(
        self, method: str, data: JsonObject | None = None, id_: int = 77
    ) -> Response | ErrorResponse:
        await self.send(Request(id_, method, data or {}))
        return await asyncio.wait_for(self.answers.get(), 5)

    async def serve_client(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self.socket = socket
        self.paths.append(socket.request.path)
        try:
            async for frame in socket:
                message = parse(frame)
                if isinstance(message, Request):
                    self.requests.append(message)
                    await self.scripts.get(message.method, says({}))(self, message)
                elif isinstance(message, Response | ErrorResponse):
                    self.answers.put_nowait(message)
        except ConnectionClosed:
            pass
        finally:
            self.closed.set()

    def _upgrade(self, socket: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        return self.upgrade(socket, request)  # looked up late: tests replace it

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedRoom]:
        server = await serve(
            self.serve_client,
            "127.0.0.1",
            0,
            subprotocols=["protoo"],  # type: ignore[list-item]  # a NewType of str
            process_request=self._upgrade,
            max_size=2**22,
            close_timeout=1,
        )
        async with server:
            self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                yield self
            finally:
                if self.socket is not None:
                    self.socket.transport.abort()


@pytest.fixture
async def room() -> AsyncIterator[ScriptedRoom]:
    async with ScriptedRoom().running() as running:
        yield running


def options(**changes: object) -> JoinOptions:
    fields: dict[str, object] = {
        "meeting_id": "abcd-efgh-ijkl",
        "participant_id": "device",
        "name": "Porch",
        "token": TOKEN,
        "entry_timeout": 10.0,
    }
    return JoinOptions(**(fields | changes))  # type: ignore[arg-type]  # checked by the tests that use it


class Joining:
    """Joins the scripted room and leaves it whatever happens."""

    def __init__(self, room: ScriptedRoom) -> None:
        self.room = room
        self.events: list[MeetingEvent] = []
        self.arrived = asyncio.Event()

    def on_event(self, event: MeetingEvent) -> None:
        self.events.append(event)
        self.arrived.set()

    @asynccontextmanager
    async def _joined(self, timings: RoomTimings, changes: dict[str, object]) -> AsyncIterator[Meeting]:
        meeting = await asyncio.wait_for(
            Meeting.join(
                InitConfig(signaling_url=self.room.url),
                options(**changes),
                on_event=self.on_event,
                timings=timings,
            ),
            20,
        )
        try:
            yield meeting
        finally:
            await meeting.leave()

    def __call__(
        self, timings: RoomTimings = DEFAULT_TIMINGS, **changes: object
    ) -> AbstractAsyncContextManager[Meeting]:
        return self._joined(timings, changes)

    async def event(self) -> MeetingEvent:
        """The next event."""
        async with asyncio.timeout(5):
            while not self.events:
                self.arrived.clear()
                await self.arrived.wait()
        return self.events.pop(0)


@pytest.fixture
def join(room: ScriptedRoom) -> Joining:
    return Joining(room)


class Kit:
    """What tests name; conftest itself cannot be imported."""

    TOKEN = TOKEN
    ROUTER = ROUTER
    TRANSPORT = TRANSPORT
    ALLOWED = ALLOWED
    says = staticmethod(says)
    silence = staticmethod(silence)
    options = staticmethod(options)
    ScriptedRoom = ScriptedRoom
    Joining = Joining


@pytest.fixture(scope="session")
def kit() -> type[Kit]:
    return Kit
