"""One bounded HTTP exchange: a deadline, a size limit, a JSON object, and failures told apart.

Whoever answers may be broken, hostile or a hotel's login page. Nothing here waits or reads without end,
and no message holds more of a URL than its scheme, host and port: queries can carry secrets.
"""

from edgemeet.rest.client import KEEP_IDLE, new_client
from edgemeet.rest.exchange import DEFAULT_LIMIT, MAX_REDIRECTS, NO_HEADERS, exchange, send
from edgemeet.rest.reply import MAX_RETRY_AFTER, Reply, check_status
from edgemeet.rest.trust import trusting
from edgemeet.rest.urls import endpoint_of, origin

__all__ = [
    "DEFAULT_LIMIT",
    "KEEP_IDLE",
    "MAX_REDIRECTS",
    "MAX_RETRY_AFTER",
    "NO_HEADERS",
    "Reply",
    "check_status",
    "endpoint_of",
    "exchange",
    "new_client",
    "origin",
    "send",
    "trusting",
]
