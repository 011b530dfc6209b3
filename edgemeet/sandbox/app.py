"""The sandbox as an ASGI application."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from edgemeet.sandbox.admin import Admin
from edgemeet.sandbox.options import SandboxOptions
from edgemeet.sandbox.refusal import Refused
from edgemeet.sandbox.rest import Rest, refused
from edgemeet.sandbox.sandbox import Sandbox
from edgemeet.sandbox.status import sandbox_status
from edgemeet.sandbox.whip import Whip

_VIEWER: Final = Path(__file__).parent / "viewer"
_PAGE_FILE: Final = re.compile(r"[a-z]+\.(js|css)")
_LOOPBACK_ORIGIN: Final = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def create_app(options: SandboxOptions, *, sandbox: Sandbox | None = None) -> Starlette:
    """The application: REST, signaling, status, the viewer page, and the admin door if it is wanted.

    It serves the state in `sandbox`, or a new one made from `options`.
    """
    state = sandbox or Sandbox(options)
    whip = Whip(state)

    async def status(request: Request) -> JSONResponse:
        return JSONResponse(sandbox_status(state).model_dump(mode="json"))

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        housekeeping = asyncio.create_task(state.run())
        try:
            yield
        finally:
            await whip.close()
            housekeeping.cancel()
            with suppress(asyncio.CancelledError):
                await housekeeping

    return Starlette(
        routes=[
            *Rest(state).routes(),
            *whip.routes(),
            Route("/sandbox/status", status, methods=["GET"]),
            *(Admin(state).routes() if options.admin else []),
            WebSocketRoute("/{path:path}", state.sessions.serve),
            Route("/", page, methods=["GET"]),
            Route("/viewer/{name}", page, methods=["GET"]),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origin_regex=_LOOPBACK_ORIGIN,
                allow_methods=["*"],
                allow_headers=["*"],
                expose_headers=["Location", "Link", "ETag", "Accept-Patch"],
            )
        ],
        exception_handlers={Refused: refused},
        lifespan=lifespan,
    )


async def page(request: Request) -> Response:
    """A file of the viewer page."""
    name = request.path_params.get("name")
    path = _VIEWER / (name or "index.html")
    if (name is not None and not _PAGE_FILE.fullmatch(name)) or not path.is_file():
        return PlainTextResponse("There is nothing here.\n", status_code=404)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return FileResponse(path, headers=headers)
