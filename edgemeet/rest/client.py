"""The HTTP client: what it trusts, what it shows, how long it keeps a connection."""

from __future__ import annotations

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final

import httpx

from edgemeet.errors import ConfigError
from edgemeet.rest.trust import trusting
from edgemeet.version import own_version

# Seconds; long enough for the requests of one join, which follow each other at once. A connection that
# outlives a change of addresses gives no error, it only costs the whole deadline of the next request: so it
# has to be gone before a device whose address is (0.3 s, `supervisor.Limits.stranded`) joins anew.
KEEP_IDLE: Final = 0.2


def new_client(
    *, ca_file: Path | None = None, client_cert: Path | None = None, client_key: Path | None = None
) -> httpx.AsyncClient:
    """A client for :func:`exchange`: no cookies kept, proxies from the environment honoured.

    Args:
        ca_file: PEM certificates to trust beside the system's.
        client_cert: a PEM certificate to show to servers that ask for one (mutual TLS).
        client_key: its private key in PEM, without a password; when absent it is in ``client_cert`` too.

    Raises:
        ConfigError: ``config.ca_file`` or ``config.client_cert``, a file cannot be read or holds no such
            thing.
    """
    context = trusting(ca_file)
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
