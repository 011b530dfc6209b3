"""Tokens signed on the device itself.

For trying things out. Whoever takes the card out of such a device has the account's API secret; see
docs/provisioning.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import jwt
from pydantic import SecretStr

from edgemeet.errors import ClockError, ConfigError
from edgemeet.network_faults import CLOCK_HINT
from edgemeet.provisioning.sources import Grant
from edgemeet.provisioning.token import Token

ROOMS_TOKEN_TTL: Final = 60.0  # seconds; it is used at once, for one or two requests
# 2025-01-01, before this was written: a clock that says less has not been set since the start.
_EARLIEST_NOW: Final = 1_735_689_600


class SignedToken:
    """Signs a new token for each join, bound to its participant and, where it is known, to its meeting."""

    def __init__(
        self,
        api_key: SecretStr,
        api_secret: SecretStr,
        ttl: float = 3600.0,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Args: ``ttl`` is the lifetime of a join token in seconds."""
        self._api_key = api_key
        self._api_secret = api_secret
        self._ttl = ttl
        self._wall_clock = wall_clock

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """A token that can join and nothing else. Raises ConfigError or ClockError."""
        return Grant(self.sign_join(meeting_id=meeting_id, participant_id=participant_id))

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """A token for the rooms API that cannot join, for one minute. Raises ConfigError or ClockError."""
        return self.sign_rooms()

    def sign_join(self, *, meeting_id: str | None, participant_id: str) -> Token:
        """A token that can join and nothing else. Raises ConfigError or ClockError."""
        bound: dict[str, str] = {"participantId": participant_id}
        if meeting_id is not None:
            bound["roomId"] = meeting_id
        return self._sign("rtc", self._ttl, bound)

    def sign_rooms(self) -> Token:
        """A token for the rooms API that cannot join, for one minute. Raises ConfigError or ClockError."""
        return self._sign("crawler", ROOMS_TOKEN_TTL, {})

    def _sign(self, role: str, ttl: float, bound: dict[str, str]) -> Token:
        now = int(self._wall_clock())
        if now < _EARLIEST_NOW:
            raise ClockError(
                "this machine's clock has not been set: a token signed now would be refused",
                code="clock.behind",
                hint=CLOCK_HINT,
            )
        claims = {
            "apikey": self._api_key.get_secret_value(),
            "permissions": ["allow_join"],
            "version": 2,
            "roles": [role],
            "iat": now,
            "exp": now + int(ttl),
            **bound,
        }
        try:
            text = jwt.encode(claims, self._api_secret.get_secret_value(), algorithm="HS256")
        except jwt.InvalidKeyError:  # empty, or a PEM file: its text quotes nothing, but its traceback might
            message = "the API secret cannot sign tokens: it is empty or a key of another kind"
            raise ConfigError(message, code="config.api_secret") from None
        return Token.parse(text)
