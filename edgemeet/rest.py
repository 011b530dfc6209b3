"""One bounded HTTP exchange: a deadline, a size limit, a JSON object, and failures told apart.

Whoever answers may be broken, hostile or a hotel's login page. Nothing here waits or reads without end,
and no message holds more of a URL than its scheme, host and port: queries can carry secrets.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.request import getproxies, proxy_bypass

import httpx

from edgemeet.errors import ConfigError, Endpoint, NetworkError, RateLimited, ServerError
from edgemeet.network_faults import network_fault
from edgemeet.version import own_version

DEFAULT_LIMIT: Final = 262_144  # bytes; the largest honest answer, an init-config, is below 10 kB
MAX_REDIRECTS: Final = 3
MAX_RETRY_AFTER: Final = 3600.0  # seconds; an absurd value must not keep a device out for days
# Seconds; long enough for the requests of one join. A connection that outlives a change of addresses gives no
# error, it only costs the whole deadline of the next request.
KEEP_IDLE: Final = 1.0
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})

_PORTAL_HINT: Final = (
    "A web page came instead of JSON. Either the address is wrong, or a captive portal stands between "
    "this device and the internet: log in to the network once."
)


def _utc_now() -> datetime:
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


def new_client(
    *, ca_file: Path | None = None, client_cert: Path | None = None, client_key: Path | None = None
) -> httpx.AsyncClient:
    """A client for :func:`exchange`: no cookies kept, proxies from the environment honoured.

    Args:
        ca_file: PEM certificates to trust beside the usual ones.
        client_cert: a PEM certificate to show to servers that ask for one (mutual TLS).
        client_key: its private key in PEM, without a password; when absent it is in ``client_cert`` too.

    Raises:
        ConfigError: ``config.ca_file`` or ``config.client_cert``, a file cannot be read or holds no such
            thing.
    """
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            reason = "holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(
                f"the CA file {ca_file} cannot be used: {reason}", code="config.ca_file"
            ) from error
    if client_cert is not None:
        _show_certificate(context, client_cert, client_key)
    return httpx.AsyncClient(
        verify=context,
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=KEEP_IDLE),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        headers={
            "User-Agent": f"edgemeet/{own_version()}",
            "Accept": "application/json",
            # A small compressed answer can unpack to gigabytes; the size limit is on what is sent.
            "Accept-Encoding": "identity",
        },
    )


def _show_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    # Without a callback OpenSSL would ask at the terminal for the password of an encrypted key.
    try:
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ssl.SSLError, ValueError) as error:
        tls = isinstance(error, ssl.SSLError | ValueError)
        reason = "no PEM certificate with its key" if tls else getattr(error, "strerror", None)
        raise ConfigError(
            f"the client certificate {certificate} cannot be used: {reason}", code="config.client_cert"
        ) from error


async def exchange(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    *,
    what: str,
    timeout: float,
    headers: Mapping[str, str] = NO_HEADERS,
    json: object | None = None,
    limit: int = DEFAULT_LIMIT,
    wall_clock: Callable[[], datetime] = _utc_now,
) -> Reply:
    """Send one request and read its whole answer, within ``timeout`` seconds and ``limit`` bytes.

    A GET follows redirects within its own host, also from http to https, and nowhere else.

    Args:
        client: from :func:`new_client`.
        method: an HTTP method.
        url: an http or https URL.
        what: the other side's name for messages, such as "the rooms API".
        timeout: seconds for all of it: name, connection, TLS, redirects and the last byte.
        headers: beside the client's own; may hold credentials.
        json: sent as the JSON body, if not None.
        limit: bytes of the answer's body.
        wall_clock: this machine's time, told in messages about certificates.

    Raises:
        NetworkError: as :func:`edgemeet.network_faults.network_fault` tells them apart.
        ClockError: ``clock.behind``, the certificate is not valid yet by this machine's clock.
        ServerError: ``server.error`` (5xx), ``.not_json``, ``.too_large`` or ``.redirected``.
        RateLimited: 429.
        ConfigError: ``config.url`` or ``config.header``, the request cannot even be written down.
    """
    where = f"{what} at {origin(url)}"
    response, content = await send(
        client,
        method,
        url,
        what=what,
        timeout=timeout,
        headers=headers,
        content=None if json is None else jsonlib.dumps(json).encode(),
        limit=limit,
        wall_clock=wall_clock,
    )
    check_status(response, where, wall_clock=wall_clock)
    return _reply(response, content, where, wall_clock)


async def send(
    client: httpx.AsyncClient,
    method: str,
    url: str | httpx.URL,
    *,
    what: str,
    timeout: float,
    headers: Mapping[str, str] = NO_HEADERS,
    content: bytes | None = None,
    limit: int = DEFAULT_LIMIT,
    redirects: bool = True,
    wall_clock: Callable[[], datetime] = _utc_now,
) -> tuple[httpx.Response, bytes]:
    """As :func:`exchange`, for bodies of any type: the answer and its body, whatever its status.

    ``content`` is the body, JSON unless ``headers`` name another Content-Type. Without ``redirects`` a
    redirection is an answer like any other.
    """
    where = f"{what} at {origin(url)}"
    if content is not None:
        headers = {"Content-Type": "application/json", **headers}
    try:
        # httpcore leaks the socket of a TLS handshake that is cancelled, not of one that times out by itself.
        # This limit is for the connection and for the handshake: together they end before the deadline.
        phases = httpx.Timeout(None, connect=0.45 * timeout)
        request = client.build_request(method, url, headers=headers, content=content, timeout=phases)
        async with asyncio.timeout(timeout):
            return await _fetch(client, request, where, limit, redirects=redirects)
    except TimeoutError:
        message = f"{where} gave no full answer within {timeout:g} s"
        raise NetworkError(message, code="network.timeout", endpoint=endpoint_of(url)) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise ConfigError(f"the address of {what} is not an http or https URL", code="config.url") from None
    except (httpx.LocalProtocolError, UnicodeError):  # their texts quote the header: never chain them
        raise ConfigError(
            f"the request to {where} cannot be sent: a host name or header holds signs that are not allowed",
            code="config.header",
            hint="Look for line breaks, spaces or accented letters in the token and the URL.",
        ) from None
    except httpx.ProtocolError as error:  # its text quotes what the other side sent
        raise network_fault(error, where, wall_clock(), endpoint_of(url)) from None
    except httpx.HTTPError as error:
        raise network_fault(error, where, wall_clock(), endpoint_of(url)) from error


def origin(url: str | httpx.URL) -> str:
    """The scheme, host and port of ``url``: the part of a URL that is safe to show."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        return "an unreadable URL"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return f"{parsed.scheme}://{host}" + (f":{parsed.port}" if parsed.port else "")


_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def endpoint_of(url: str | httpx.URL) -> Endpoint | None:
    """Where a connection for ``url`` goes to; None where a proxy stands between, or the URL is unreadable."""
    try:
        parsed = httpx.URL(url)
        port = parsed.port or _PORTS.get(parsed.scheme)
        proxied = bool(getproxies().keys() - {"no"}) and not proxy_bypass(parsed.host)
    except (httpx.InvalidURL, UnicodeError):
        return None
    return Endpoint(parsed.host, port) if parsed.host and port and not proxied else None


async def _fetch(
    client: httpx.AsyncClient, request: httpx.Request, where: str, limit: int, *, redirects: bool
) -> tuple[httpx.Response, bytes]:
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if not (redirects and response.has_redirect_location):
                return response, await _read(response, limit, where)
            target = request.url.join(response.headers["location"])
        finally:
            await response.aclose()
        if request.method != "GET" or not _same_site(request.url, target):
            raise ServerError(
                f"{where} redirects to {origin(target)}",
                code="server.redirected",
                hint="Configure the new address if it is the right one; else a captive portal is in the way.",
            )
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        request = client.build_request("GET", target, headers=headers, extensions=request.extensions)
    raise ServerError(f"{where} redirects in circles", code="server.redirected")


def _same_site(old: httpx.URL, new: httpx.URL) -> bool:
    """Whether a redirect stays where the credentials are meant to go, or only adds TLS."""
    if old.host != new.host:
        return False
    same = (old.scheme, old.port) == (new.scheme, new.port)
    return same or (old.scheme, old.port, new.scheme, new.port) == ("http", None, "https", None)


async def _read(response: httpx.Response, limit: int, where: str) -> bytes:
    too_large = ServerError(f"{where} answered with more than {limit} bytes", code="server.too_large")
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise too_large
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > limit:
            raise too_large
    return bytes(content)


def check_status(
    response: httpx.Response, where: str, *, wall_clock: Callable[[], datetime] = _utc_now
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


def _reply(response: httpx.Response, content: bytes, where: str, wall_clock: Callable[[], datetime]) -> Reply:
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
        value = jsonlib.loads(content)
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
