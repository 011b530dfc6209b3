"""What the control socket answers. Loaded after the first join has begun: Starlette takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Final, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edgemeet.control import openapi
from edgemeet.control.history import Event, Stats
from edgemeet.control.models import Accepted, Command, Problem, Refused, Reloaded, Status
from edgemeet.errors import ConfigError, ControlError, DeviceError, EdgemeetError

# Seconds without an event after which a line that says nothing shows that the connection lives.
KEEP_ALIVE: Final = 15.0
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_REFUSALS: Final = {404: "control.unknown_path", 405: "control.wrong_method"}
_READ: Final = ("status", "stats", "events", "snapshot", "openapi.json")
_USAGE: Final = (
    f"GET /metrics, GET /v1/ with one of: {', '.join(_READ)}; POST /v1/ with one of: "
    + ", ".join((*Command, "reload"))
)


class Events(Protocol):
    """What happens, for one listener."""

    async def get(self) -> Event:
        """The next event, when there is one."""


class Daemon(Protocol):
    """What the door opens on."""

    def status(self) -> Status:
        """How things stand."""

    def stats(self) -> Stats:
        """How they stood in the last minutes."""

    def subscribed(self) -> AbstractContextManager[Events]:
        """Listen to events. Raises ControlError (control.busy)."""

    def metrics(self) -> bytes:
        """For Prometheus, in its text format 0.0.4."""

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG. Raises DeviceError."""

    def command(self, command: Command) -> None:
        """Begin to carry out `command`; returns at once."""

    async def reload(self) -> Reloaded:
        """Read the configuration anew. Raises ConfigError; the old one is then kept."""


def create_app(daemon: Daemon, closing: asyncio.Event) -> Starlette:
    """The control API over `daemon`; `closing` ends the streams of events."""
    doors = _Doors(daemon, closing)
    return Starlette(
        routes=[
            Route("/v1/status", doors.status, methods=["GET"]),
            Route("/v1/stats", doors.stats, methods=["GET"]),
            Route("/v1/events", doors.events, methods=["GET"]),
            Route("/v1/snapshot", doors.snapshot, methods=["GET"]),
            Route("/v1/openapi.json", _openapi, methods=["GET"]),
            Route("/v1/reload", doors.reload, methods=["POST"]),
            *(Route(f"/v1/{command}", doors.accept(command), methods=["POST"]) for command in Command),
            Route("/metrics", doors.metrics, methods=["GET"]),
        ],
        exception_handlers={404: _refuse, 405: _refuse, 500: _refuse},
    )


def create_metrics_app(daemon: Daemon) -> Starlette:
    """Metrics and nothing else, for a TCP port."""
    doors = _Doors(daemon, asyncio.Event())
    return Starlette(
        routes=[Route("/metrics", doors.metrics, methods=["GET"])],
        exception_handlers={404: _refuse, 405: _refuse, 500: _refuse},
    )


class _Doors:
    def __init__(self, daemon: Daemon, closing: asyncio.Event) -> None:
        self._daemon = daemon
        self._closing = closing

    async def status(self, _: Request) -> Response:
        return _reply(self._daemon.status())

    async def stats(self, _: Request) -> Response:
        return _reply(self._daemon.stats())

    async def metrics(self, _: Request) -> Response:
        return Response(self._daemon.metrics(), headers={"content-type": METRICS_TYPE})

    async def snapshot(self, _: Request) -> Response:
        try:
            jpeg = await self._daemon.snapshot()
        except DeviceError as error:
            return _reply(_refused(error), 404 if error.code == "snapshot.camera_off" else 503)
        return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})

    async def reload(self, _: Request) -> Response:
        try:
            return _reply(await self._daemon.reload())
        except ConfigError as error:
            return _reply(_refused(error), 409)

    async def events(self, _: Request) -> Response:
        stream = self._stream()
        try:
            first = await anext(stream)
        except ControlError as error:
            return _reply(_refused(error), 503)

        async def whole() -> AsyncIterator[str]:
            yield first
            async for part in stream:
                yield part

        return StreamingResponse(
            whole(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    async def _stream(self) -> AsyncIterator[str]:
        """Server-sent events (HTML, 9.2): how things stand, then what happens."""
        with self._daemon.subscribed() as events:
            yield f"event: status\ndata: {self._daemon.status().model_dump_json()}\n\n"
            closing = asyncio.create_task(self._closing.wait())
            coming: asyncio.Task[Event] | None = None
            try:
                while not closing.done():
                    coming = coming or asyncio.create_task(events.get())
                    await asyncio.wait(
                        (closing, coming), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED
                    )
                    if coming.done():
                        event, coming = coming.result(), None
                        yield f"id: {event.number}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n"
                    elif not closing.done():
                        yield ": nothing\n\n"
            finally:
                for task in (closing, coming):
                    if task is not None:
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)

    def accept(self, command: Command) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(_: Request) -> Response:
            self._daemon.command(command)
            return _reply(Accepted(accepted=command), 202)

        return endpoint


async def _openapi(_: Request) -> Response:
    return Response(openapi.text(), media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    code = getattr(error, "status_code", 500)
    response = _reply(Refused(error=_problem(code, f"{request.method} {request.url.path}")), code)
    for name, value in (getattr(error, "headers", None) or {}).items():
        response.headers[name] = value
    return response


def _reply(model: Status | Stats | Accepted | Refused | Reloaded, status_code: int = 200) -> Response:
    return Response(model.model_dump_json(), status_code, media_type="application/json")


def _refused(error: EdgemeetError) -> Refused:
    return Refused(error=Problem(code=error.code, message=error.message, hint=error.hint))


def _problem(status_code: int, asked: str) -> Problem:
    known = _REFUSALS.get(status_code)
    if known is None:
        return Problem(code="control.failed", message="the request failed; the log says why")
    return Problem(code=known, message=f"{asked} is not something this daemon answers", hint=_USAGE)
