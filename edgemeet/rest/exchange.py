"""One request and its whole answer: a deadline, a size limit, redirects, and failures told apart."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

import httpx

from edgemeet.errors import ConfigError, NetworkError, ServerError
from edgemeet.network_faults import network_fault
from edgemeet.rest.reply import Reply, check_status, read_reply, utc_now
from edgemeet.rest.urls import endpoint_of, origin

DEFAULT_LIMIT: Final = 262_144  # bytes; the largest honest answer, an init-config, is below 10 kB
MAX_REDIRECTS: Final = 3
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


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
    wall_clock: Callable[[], datetime] = utc_now,
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
    return read_reply(response, content, where, wall_clock)


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
    wall_clock: Callable[[], datetime] = utc_now,
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
