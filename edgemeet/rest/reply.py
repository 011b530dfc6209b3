"""What an answer says: its JSON object, its date, how long to wait; or that it is no answer at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from edgemeet.errors import RateLimited, ServerError

MAX_RETRY_AFTER: Final = 3600.0  # seconds; an absurd value must not keep a device out for days

_PORTAL_HINT: Final = (
    "A web page came instead of JSON. Either the address is wrong, or a captive portal stands between "
    "this device and the internet: log in to the network once."
)


def utc_now() -> datetime:
    """What the clock of this machine shows."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the other side answered.

    Attributes:
        status: the HTTP status, below 500 and not 429.
        body: the JSON object; empty for an empty body, and for a 4xx that came without a JSON object.
        date: the other side's clock, if it told.
        etag: the entity tag, if there was one.
        retry_after: seconds the other side asked us to wait, if it did.
    """

    status: int
    body: dict[str, Any] = field(repr=False)  # may hold a token
    date: datetime | None = None
    etag: str | None = None
    retry_after: float | None = None


def check_status(
    response: httpx.Response, where: str, *, wall_clock: Callable[[], datetime] = utc_now
) -> None:
    """Raise RateLimited for 429 and ServerError for 5xx, with the time to wait that the answer names."""
    status, retry_after = response.status_code, _when_to_retry(response, wall_clock)
    if status == 429:
        raise RateLimited(f"{where} asks for fewer requests (429)", retry_after=retry_after)
    if status >= 500:
        hint = _PORTAL_HINT if status == 511 else None
        raise ServerError(f"{where} is broken or overloaded ({status})", hint=hint, retry_after=retry_after)


def _when_to_retry(response: httpx.Response, wall_clock: Callable[[], datetime]) -> float | None:
    date = _http_date(response.headers.get("date"))
    return _retry_after(response.headers.get("retry-after"), date or wall_clock())


def read_reply(
    response: httpx.Response, content: bytes, where: str, wall_clock: Callable[[], datetime]
) -> Reply:
    """The answer of `where`, whose body is `content`.

    Raises:
        ServerError: ``server.not_json``, a success without a JSON object.
    """
    status = response.status_code
    date = _http_date(response.headers.get("date"))
    try:
        body = _json_object(response, content, where)
    except ServerError:
        if status < 400:
            raise
        body = {}  # the status says enough
    return Reply(status, body, date, response.headers.get("etag"), _when_to_retry(response, wall_clock))


def _json_object(response: httpx.Response, content: bytes, where: str) -> dict[str, Any]:
    if not content.strip():
        return {}
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"} or content.lstrip().startswith(b"<"):
        raise ServerError(f"{where} answered with a web page", code="server.not_json", hint=_PORTAL_HINT)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        message = f"{where} answered with something that is not JSON ({len(content)} bytes)"
        raise ServerError(message, code="server.not_json") from None
    if not isinstance(value, dict):
        message = f"{where} answered with a JSON {type(value).__name__} where an object was expected"
        raise ServerError(message, code="server.not_json")
    return value


def _http_date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text or "")
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(text: str | None, now: datetime) -> float | None:
    """RFC 9110, 10.2.3: seconds or a date; both are bounded here."""
    if text is None:
        return None
    if text.isdecimal():
        return min(float(text), MAX_RETRY_AFTER)
    date = _http_date(text)
    return None if date is None else min(max((date - now).total_seconds(), 0.0), MAX_RETRY_AFTER)
