"""Why a connection failed, told from the exceptions that the libraries left behind. Pure.

httpx wraps httpcore, which wraps anyio, which wraps the socket; websockets raises the socket's own errors.
The cause that says most stands deepest, so the whole chain is looked through.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import httpx

from edgemeet.errors import AuthError, ClockError, EdgemeetError, Endpoint, NetworkError

# OpenSSL's X509_V_ERR_* numbers, x509_vfy.h.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = frozenset({62, 63, 64})  # host name, e-mail, IP address

CLOCK_HINT: Final = "Set the clock, for example by letting systemd-timesyncd reach a time server."

# Of these a TCP connection to the same place may tell that they are over.
_UNREACHABLE: Final = frozenset({"network.timeout", "network.tls", "network.refused", "network.unreachable"})

# The first row that matches wins: a proxy that refuses is also a ConnectError.
FAULTS: Final[tuple[tuple[type[BaseException], str, str, str | None], ...]] = (
    (httpx.TimeoutException, "network.timeout", "{where} does not answer", None),
    (TimeoutError, "network.timeout", "{where} does not answer", None),
    (ssl.SSLError, "network.tls", "no TLS with {where}", "Does the other side speak https on this port?"),
    (httpx.ProxyError, "network.proxy", "the proxy on the way to {where} refuses or fails", None),
    (socket.gaierror, "network.dns", "the host name of {where} cannot be resolved", None),
    (ConnectionRefusedError, "network.refused", "{where} refuses connections: nothing listens there", None),
    (httpx.ConnectError, "network.unreachable", "{where} cannot be reached", None),
    (httpx.HTTPError, "network.broken", "{where} broke off the answer or does not speak HTTP", None),
)


def network_fault(
    error: BaseException, where: str, now: datetime, endpoint: Endpoint | None = None
) -> EdgemeetError:
    """The error of ours for a failed connection.

    Args:
        error: what a library raised.
        where: the other side's name and origin, for the message.
        now: this machine's wall clock, told where a certificate's dates are the fault.
        endpoint: where the connection went to; the error has it where it was not reached.

    Returns:
        A :class:`ClockError` (``clock.behind``) for a certificate that is not valid yet; else a
        :class:`NetworkError` with the code ``network.dns``, ``.refused``, ``.timeout``, ``.unreachable``,
        ``.proxy``, ``.broken``, ``.tls``, ``.tls_untrusted``, ``.tls_expired`` or ``.tls_wrong_name``.
    """
    # "Wants to read" is how a TLS socket waits: it stands in the context of many failures and says nothing.
    waits = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
    causes = tuple(cause for cause in _causes(error) if not isinstance(cause, waits))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _certificate_fault(cause, where, now)
    for kind, code, message, hint in FAULTS:
        if any(isinstance(cause, kind) for cause in causes):
            asked = endpoint if code in _UNREACHABLE else None
            return NetworkError(message.format(where=where), code=code, hint=hint, endpoint=asked)
    return NetworkError(f"{where} cannot be reached", code="network.unreachable", endpoint=endpoint)


# Seconds that two honest clocks may differ.
_TOLERANCE: Final = 60.0


def blame_clock(error: EdgemeetError, their_clock: datetime | None, now: datetime) -> EdgemeetError:
    """A refusal of access while this machine's clock is wrong is a fault of the clock. Pure.

    A token that was signed with a wrong clock, or is judged by one, is refused like a bad one; to ask for
    another does not help.

    Args:
        error: what the answer says by itself.
        their_clock: the Date header of the answer, if there was one.
        now: this machine's wall clock.

    Returns:
        A :class:`ClockError` (``clock.behind`` or ``clock.ahead``) in place of an :class:`AuthError`, where
        the clocks differ by more than a minute; else ``error`` itself.
    """
    if not isinstance(error, AuthError) or their_clock is None:
        return error
    ahead = (now - their_clock).total_seconds()
    if abs(ahead) <= _TOLERANCE:
        return error
    which = "ahead of" if ahead > 0 else "behind"
    return ClockError(
        f"{error.message}, while this machine's clock is {abs(ahead):.0f} s {which} the server's",
        code="clock.ahead" if ahead > 0 else "clock.behind",
        hint=CLOCK_HINT,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    if error is None:
        return
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    yield from _causes(error.__cause__ or error.__context__)


def _certificate_fault(error: ssl.SSLCertVerificationError, where: str, now: datetime) -> EdgemeetError:
    clock = f"this machine's clock says {now:%Y-%m-%d %H:%M}"
    if error.verify_code == _NOT_YET_VALID:
        message = f"the certificate of {where} is not valid yet: {clock}"
        return ClockError(message, code="clock.behind", hint=CLOCK_HINT)
    if error.verify_code == _EXPIRED:
        message = f"the certificate of {where} has expired: {clock}"
        hint = f"The server needs a new one, if the clock is right. {CLOCK_HINT}"
        return NetworkError(message, code="network.tls_expired", hint=hint)
    if error.verify_code in _WRONG_NAME:
        return NetworkError(f"the certificate of {where} is for another name", code="network.tls_wrong_name")
    message = f"the certificate of {where} is not trusted ({error.verify_message})"
    hint = "Name the authority that signed it in the ca_file setting, if it is your own."
    return NetworkError(message, code="network.tls_untrusted", hint=hint)
