"""What all handlers share: bounded bodies, threads for the database, refusals as JSON, counting."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import anyio
from pydantic import BaseModel, JsonValue, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from edgemeet.provision_server.database import CONNECTIONS, DatabaseGone
from edgemeet.provision_server.limits import Failures
from edgemeet.provision_server.metrics import Metrics
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.settings import ServerSettings

LARGEST_BODY: Final = 16_384  # bytes
_SLOWEST_BODY: Final = 10.0  # seconds
_DATABASE_BACK: Final = (10, 40)  # seconds; at random, so that a fleet does not come back in one instant
_OVERLOAD_OVER: Final = (5, 30)
_NO_STORE: Final = {"Cache-Control": "no-store"}

Handler = Callable[[Request], Awaitable[Response]]
Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Exchange:
    """Wraps handlers.

    Args:
        settings: of the server.
        metrics: told of each request.
    """

    def __init__(self, settings: ServerSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._failures = Failures(settings.failures_per_minute)
        self._in_flight = 0
        self._threads = anyio.CapacityLimiter(CONNECTIONS)

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Run ``work``, which talks to the database, without holding up others."""
        return await anyio.to_thread.run_sync(work, limiter=self._threads)

    def wrap(self, endpoint: str, handler: Handler, *, counts_failures: bool = True) -> Handler:
        """``handler`` with everything around it; ``endpoint`` is its name in metrics.

        With ``counts_failures`` an address that is refused too often is not heard for a minute.
        """

        async def handle(request: Request) -> Response:
            began = time.monotonic()
            address = address_of(request) if counts_failures else None
            self._in_flight += 1
            try:
                self._admit(address, began)
                response = await handler(request)
                outcome = "ok"
            except Refused as refused:
                outcome = refused.code
                if address is not None and _suspicious(refused):
                    self._failures.note(address, began)
                response = refusal(refused)
            except DatabaseGone as gone:
                outcome = gone.code
                _log.error("%s", gone.message)
                response = refusal(
                    Refused(503, gone.code, "the database cannot be reached", random.randint(*_DATABASE_BACK))
                )
            finally:
                self._in_flight -= 1
            self._metrics.note(endpoint, outcome, time.monotonic() - began)
            return response

        return handle

    def _admit(self, address: str | None, now: float) -> None:
        if self._in_flight > self._settings.max_in_flight:
            raise Refused(
                503, "server.overloaded", "too many requests are under way", random.randint(*_OVERLOAD_OVER)
            )
        if address is not None and (wait := self._failures.wait(address, now)) is not None:
            text = "too many requests of this address were refused"
            raise Refused(429, "server.rate_limited", text, retry_after=wait)


def _suspicious(refused: Refused) -> bool:
    """Guessing of tokens, keys and codes looks like this."""
    guess = refused.status in {401, 403} or refused.code.startswith("enrolment.")
    return guess and not refused.proven


async def body_of(request: Request, model: type[Model]) -> Model:
    """The body as ``model``.

    Raises:
        Refused: ``request.too_large``, ``request.too_slow``, ``request.malformed`` with the faulty fields.
    """
    content = bytearray()
    try:
        with anyio.fail_after(_SLOWEST_BODY):
            async for chunk in request.stream():
                content += chunk
                if len(content) > LARGEST_BODY:
                    text = f"the body has more than {LARGEST_BODY} bytes"
                    raise Refused(413, "request.too_large", text)
    except TimeoutError:
        raise Refused(408, "request.too_slow", "the body did not come in time") from None
    except ClientDisconnect:
        raise Refused(400, "request.malformed", "the body was broken off") from None
    try:
        return model.model_validate_json(bytes(content) or b"{}")
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the body'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)[:5]
        )
        raise Refused(422, "request.malformed", faults) from None


def address_of(request: Request) -> str:
    """Where the request came from."""
    return request.client.host if request.client else "unknown"


def answer(body: JsonValue, *, status: int = 200, etag: str | None = None) -> JSONResponse:
    """A JSON answer that nobody keeps."""
    return JSONResponse(body, status_code=status, headers=_NO_STORE | ({"ETag": etag} if etag else {}))


def refusal(refused: Refused) -> JSONResponse:
    """A refusal as it looks on the wire."""
    headers = dict(_NO_STORE)
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {"code": refused.code, "message": refused.message}
    return JSONResponse(body, status_code=refused.status, headers=headers)
