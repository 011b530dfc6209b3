"""The server as an ASGI application. A worker keeps nothing that another would miss."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgemeet.provision_server import audit
from edgemeet.provision_server.admin_api import AdminApi
from edgemeet.provision_server.database import Database, DatabaseGone
from edgemeet.provision_server.device_api import DeviceApi
from edgemeet.provision_server.enrolling import Enrolling
from edgemeet.provision_server.exchange import Exchange, answer, refusal
from edgemeet.provision_server.granting import Granting
from edgemeet.provision_server.groups import Groups
from edgemeet.provision_server.metrics import Metrics
from edgemeet.provision_server.openapi import document
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.registry import Registry
from edgemeet.provision_server.rooms import VideoRooms
from edgemeet.provision_server.schema import is_current
from edgemeet.provision_server.settings import ServerSettings, load_settings
from edgemeet.provision_server.tables import ASSERTIONS
from edgemeet.rest import new_client

_HOUSEKEEPING: Final = 60.0  # seconds

_log = logging.getLogger(__name__)


def create_app(
    settings: ServerSettings, *, database: Database | None = None, wall_clock: Callable[[], float] = time.time
) -> Starlette:
    """The application; the database's schema must be there already.

    Raises:
        ConfigError: ``config.database``.
    """
    store = database or Database(settings.database_url)
    metrics = Metrics()
    exchange = Exchange(settings, metrics)
    registry = Registry(store, settings, wall_clock=wall_clock)
    client = new_client()
    devices = DeviceApi(
        exchange,
        Enrolling(store, settings.api_secret, settings.audiences),
        Granting(store, settings),
        metrics,
        wall_clock=wall_clock,
    )
    administration = AdminApi(exchange, registry, Groups(registry), VideoRooms(settings, client), metrics)

    async def health(request: Request) -> Response:
        if not await exchange.in_thread(lambda: _ready(store)):
            raise Refused(503, "server.schema", "the database's schema is of another version", 30)
        return answer({"status": "ok"})

    async def openapi(request: Request) -> Response:
        return answer(document())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(_keep_house(store, settings, wall_clock))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await client.aclose()
            store.close()

    return Starlette(
        routes=[
            *devices.routes(),
            *administration.routes(),
            Route("/v1/health", exchange.wrap("health", health, counts_failures=False), methods=["GET"]),
            Route("/openapi.json", openapi, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http, Exception: _defect},
        lifespan=lifespan,
    )


def from_environment() -> Starlette:
    """For uvicorn's workers. Raises ConfigError."""
    return create_app(load_settings())


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "request.unknown_path", 405: "request.wrong_method"}.get(
        error.status_code, "request.malformed"
    )
    return refusal(Refused(error.status_code, code, error.detail.lower()))


async def _defect(request: Request, error: Exception) -> Response:
    # Starlette raises it again after this, for the log.
    return refusal(Refused(500, "server.defect", "a defect of the server; its log says more"))


def _ready(database: Database) -> bool:
    with database.read() as connection:
        return is_current(connection)


async def _keep_house(database: Database, settings: ServerSettings, wall_clock: Callable[[], float]) -> None:
    """Forget what has had its time. Any number of workers may do it."""

    def forget() -> None:
        now = wall_clock()
        with database.write() as connection:
            connection.execute(ASSERTIONS.delete().where(ASSERTIONS.c.forget_at < int(now)))
            audit.forget(connection, now - settings.audit_days * 86_400)

    while True:
        await asyncio.sleep(_HOUSEKEEPING)
        try:
            await asyncio.to_thread(forget)
        except DatabaseGone as error:
            _log.warning("%s", error.message)
