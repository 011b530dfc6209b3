"""How a device shows its provisioning server who it is: a secret, a signed assertion, or nothing."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from pydantic import SecretStr

from edgemeet.provisioning.identity import DeviceIdentity, load_identity

ASSERTION_TTL: Final = 60  # seconds; it is used at once, and a lost one shall be worthless soon
# Seconds that this machine's clock and the server's may differ before it is corrected. A Date header tells
# whole seconds, and an answer takes a moment.
SKEW_TOLERANCE: Final = 5.0

_log = logging.getLogger(__name__)


class ServerClock:
    """The server's time as this machine knows it: the wall clock, corrected by the server's Date headers."""

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self.skew = 0.0
        """Seconds that the server's clock is ahead of this machine's; 0 while they agree to 5 s."""

    def now(self) -> float:
        """Seconds since 1970, by the server's clock."""
        return self._wall_clock() + self.skew

    def note(self, date: datetime | None) -> bool:
        """Take in a Date header that has just come; True if it moved the clock."""
        if date is None:
            return False
        measured = date.timestamp() + 0.5 - self._wall_clock()
        skew = measured if abs(measured) > SKEW_TOLERANCE else 0.0
        if abs(skew - self.skew) <= SKEW_TOLERANCE:
            return False
        if skew:
            _log.warning("the provisioning server's clock differs by %+.0f s; its time is used for it", skew)
        self.skew = skew
        return True


class Authentication(Protocol):
    """Makes the Authorization header of each request."""

    async def header(self) -> str | None:
        """Its value; None for no header. Raises an :class:`~edgemeet.errors.EdgemeetError`."""
        ...

    def note(self, date: datetime | None) -> bool:
        """Take in the server's clock; True if what was refused before may be taken now."""
        ...

    def now(self) -> float:
        """The clock that tokens are checked by, seconds since 1970."""
        ...


class Bearer:
    """A static secret, or none at all; also what goes with a client certificate."""

    def __init__(self, secret: SecretStr | None, wall_clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self.now = wall_clock

    async def header(self) -> str | None:
        """``Bearer`` and the secret."""
        return f"Bearer {self._secret.get_secret_value()}" if self._secret else None

    def note(self, date: datetime | None) -> bool:
        """A secret does not depend on clocks."""
        return False


class SignedAssertion:
    """A JWT for each request, signed with the device's own key (in the manner of RFC 7523).

    Args:
        file: holds the identity; read anew for each request, so that enrolment needs no restart.
        audience: the server's origin, ``https://host:port``.
        clock: corrected by the server's.
        make_id: makes ``jti``, different each time.
    """

    def __init__(
        self,
        file: Path,
        audience: str,
        clock: ServerClock,
        *,
        make_id: Callable[[], str] = lambda: secrets.token_urlsafe(16),
    ) -> None:
        self._file = file
        self._audience = audience
        self._clock = clock
        self._make_id = make_id
        self.note = clock.note
        self.now = clock.now

    async def header(self) -> str:
        """``Bearer`` and the assertion. Raises AuthError as :func:`load_identity`."""
        identity = await asyncio.to_thread(load_identity, self._file)
        return f"Bearer {self.sign(identity)}"

    def sign(self, identity: DeviceIdentity) -> str:
        """The assertion alone."""
        now = int(self._clock.now())
        return identity.key.sign(
            {
                "iss": identity.device_id,
                "sub": identity.device_id,
                "aud": self._audience,
                "jti": self._make_id(),
                "iat": now,
                "exp": now + ASSERTION_TTL,
            }
        )
