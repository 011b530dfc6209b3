"""Whether a server takes TCP connections: what tells that an outage is over, at the least cost to both."""

from __future__ import annotations

import asyncio
from typing import Final

from edgemeet.errors import Endpoint

# Where IPv6 leads nowhere, the other address is tried after so many seconds (RFC 8305, 8 recommends them).
_ATTEMPT_DELAY: Final = 0.25


async def takes_connections(endpoint: Endpoint, timeout: float) -> bool:
    """Whether a TCP connection to `endpoint` is there within `timeout` seconds. Nothing is sent over it."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            transport, _ = await loop.create_connection(
                asyncio.Protocol, endpoint.host, endpoint.port, happy_eyeballs_delay=_ATTEMPT_DELAY
            )
    except (OSError, TimeoutError, UnicodeError):
        return False
    transport.abort()
    return True
