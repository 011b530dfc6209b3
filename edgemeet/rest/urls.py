"""What may be shown of a URL, and where a connection for it goes."""

from __future__ import annotations

from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

from edgemeet.errors import Endpoint

_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}


def origin(url: str | httpx.URL) -> str:
    """The scheme, host and port of ``url``: the part of a URL that is safe to show."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError):
        return "an unreadable URL"
    host = f"[{parsed.host}]" if ":" in parsed.host else parsed.host
    return f"{parsed.scheme}://{host}" + (f":{parsed.port}" if parsed.port else "")


def endpoint_of(url: str | httpx.URL) -> Endpoint | None:
    """Where a connection for ``url`` goes to; None where a proxy stands between, or the URL is unreadable."""
    try:
        parsed = httpx.URL(url)
        port = parsed.port or _PORTS.get(parsed.scheme)
        proxied = bool(getproxies().keys() - {"no"}) and not proxy_bypass(parsed.host)
    except (httpx.InvalidURL, UnicodeError):
        return None
    return Endpoint(parsed.host, port) if parsed.host and port and not proxied else None
