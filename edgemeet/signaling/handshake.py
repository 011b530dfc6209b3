"""Opening the websocket, and telling why it did not open. No text of a library gets out of here.

The URL holds the token. The exceptions and loggers of `websockets` quote URLs and headers, so they are
read for their kind and number, never for their words, and never chained.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    InvalidHandshake,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.http11 import Response
from websockets.typing import Subprotocol

from edgemeet import rest
from edgemeet.errors import EdgemeetError, NetworkError, ProtocolMismatch, RateLimited, ServerError
from edgemeet.network_faults import network_fault
from edgemeet.refusals import from_reply
from edgemeet.signaling.faults import WHAT

SUBPROTOCOL: Final = Subprotocol("protoo")
# Where IPv6 leads nowhere, the other address is tried after so many seconds (RFC 8305, 8 recommends them).
ATTEMPT_DELAY: Final = 0.25
QUEUED_FRAMES: Final = 64  # received and not yet read; then TCP pushes back

# Not of the logging tree: no configuration can give it a handler or lower its level.
_SILENT: Final = logging.Logger("edgemeet.signaling.silent", level=logging.CRITICAL + 1)


class _Connect(connect):
    """A redirect is an error: whoever answers must not choose where the token goes next."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_websocket(
    url: str,
    *,
    timeout: float,
    max_size: int,
    hide: Collection[str] = (),
    tls: ssl.SSLContext | None = None,
    wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ClientConnection:
    """A websocket with the sub-protocol protoo. Its owner closes it, and sends the keep-alive pings.

    Args:
        url: with the token in it; see `address.websocket_url`.
        timeout: seconds for name, connection, TLS and upgrade together.
        max_size: bytes of the longest message that is received.
        hide: secrets that a refusal might repeat.
        tls: instead of `rest.trusting`.
        wall_clock: told where a certificate's dates are the fault.

    Raises:
        NetworkError, ClockError: as `rest.exchange` does.
        AuthError, RateLimited, ServerError: the server refused the upgrade.
        ProtocolMismatch: ``protocol.signaling_url``, the URL is none.
    """
    where = f"{WHAT} at {rest.origin(url)}"
    try:
        async with asyncio.timeout(timeout):
            return await _connect(url, max_size, tls)
    except TimeoutError:
        failure: EdgemeetError = NetworkError(
            f"{where} did not open a websocket within {timeout:g} s",
            code="network.timeout",
            endpoint=rest.endpoint_of(url),
        )
    except InvalidStatus as error:
        failure = _refusal(error.response, where, hide)
    except (InvalidProxy, ProxyError):
        failure = NetworkError(f"the proxy on the way to {where} refuses or fails", code="network.proxy")
    except ImportError:
        failure = NetworkError(
            f"the proxy on the way to {where} is a SOCKS proxy, which needs the package python-socks",
            code="network.proxy",
        )
    except InvalidHandshake as error:
        failure = _no_websocket(error, where)
    except OSError as error:
        failure = network_fault(error, where, wall_clock(), rest.endpoint_of(url))
    except (InvalidURI, ValueError):
        failure = ProtocolMismatch("the signaling address is no websocket URL", code="protocol.signaling_url")
    raise failure  # out here, so that no library's exception is in its context


async def _connect(url: str, max_size: int, tls: ssl.SSLContext | None) -> ClientConnection:
    if url.startswith("wss:") and tls is None:
        # In a thread: reading all the certificates takes a Pi longer than the event loop may wait.
        tls = await asyncio.to_thread(rest.trusting)
    return await _Connect(
        url,
        subprotocols=[SUBPROTOCOL],
        compression=None,  # small messages; zlib's windows cost more memory than they save bytes
        open_timeout=None,
        ping_interval=None,  # its keep-alive waits without a deadline when the send buffer is full
        close_timeout=None,  # the owner's deadline holds
        max_size=max_size,
        max_queue=QUEUED_FRAMES,
        logger=_SILENT,
        ssl=tls if url.startswith("wss:") else None,
        happy_eyeballs_delay=ATTEMPT_DELAY,
    )


def _refusal(response: Response, where: str, hide: Collection[str]) -> EdgemeetError:
    status = response.status_code
    retry_after = _seconds(response.headers.get("Retry-After"))
    if status == 429:
        return RateLimited(f"{where} asks for fewer requests (429)", retry_after=retry_after)
    if status >= 500:
        return ServerError(f"{where} is broken or overloaded ({status})", retry_after=retry_after)
    if 300 <= status < 400:
        return ServerError(f"{where} redirects elsewhere ({status})", code="server.redirected")
    if status < 300:
        return ServerError(
            f"{where} answers, but speaks no websocket ({status})",
            code="server.no_websocket",
            hint="A captive portal may be in the way: log in to the network once.",
        )
    return from_reply(status, _json_object(response.body), what=where, hide=hide)


def _no_websocket(error: InvalidHandshake, where: str) -> EdgemeetError:
    if isinstance(error, InvalidMessage):
        return NetworkError(f"{where} broke off, or does not speak HTTP", code="network.broken")
    return ServerError(f"{where} answers, but speaks no websocket", code="server.no_websocket")


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds; a date is not worth the code here."""
    if text is None or not text.isdecimal():
        return None
    return min(float(text), rest.MAX_RETRY_AFTER)


def _json_object(body: bytes | bytearray | None) -> dict[str, object]:
    try:
        value = json.loads(body or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
