"""Tokens as VideoSDK's: HS256 JWTs that say who may do what (VideoSDK, "Authentication and tokens")."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgemeet.sandbox.refusal import Code, Refused

PERMISSIONS: Final = frozenset({"allow_join", "ask_join", "allow_mod"})
VERSION: Final = 2


class Claims(BaseModel):
    """What a verified token says. Nothing here is secret."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    apikey: str
    permissions: tuple[str, ...] = Field(strict=False)
    version: int = 1
    room_id: str | None = Field(default=None, alias="roomId")
    participant_id: str | None = Field(default=None, alias="participantId")
    roles: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def may_moderate(self) -> bool:
        """True when the holder may control and admit others."""
        return "allow_mod" in self.permissions

    @property
    def must_ask(self) -> bool:
        """True when a host must consent first."""
        return "ask_join" in self.permissions

    def check_room(self, *ids: str | None) -> None:
        """Refuse a token that is bound to a meeting with none of these ids."""
        if self.room_id is not None and self.room_id not in ids:
            raise Refused(Code.WRONG_MEETING)

    def check_participant(self, participant_id: str) -> None:
        """Refuse a token that is bound to another participant."""
        if self.participant_id is not None and self.participant_id != participant_id:
            raise Refused(Code.WRONG_PARTICIPANT)

    def check_role(self, role: str) -> None:
        """Refuse a token whose roles, if it names any, lack this one."""
        if self.roles and role not in self.roles:
            raise Refused(Code.WRONG_ROLE)


class TokenIssuer:
    """Signs and verifies with one key pair.

    Args:
        ttl: seconds that a signed token is valid.
        wall_clock: seconds since 1970; a token's times are wall-clock times.
    """

    def __init__(
        self, api_key: str, api_secret: str, *, ttl: float, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._api_key = api_key
        self._api_secret = api_secret
        self._ttl = ttl
        self._wall_clock = wall_clock

    def sign(
        self,
        *,
        participant_id: str | None = None,
        room_id: str | None = None,
        permissions: Sequence[str] = ("allow_join", "allow_mod"),
        roles: Sequence[str] = (),
    ) -> str:
        """A new token."""
        now = int(self._wall_clock())
        claims: dict[str, object] = {
            "apikey": self._api_key,
            "permissions": list(permissions),
            "version": VERSION,
            "iat": now,
            "exp": now + int(self._ttl),
        }
        if room_id:
            claims["roomId"] = room_id
        if participant_id:
            claims["participantId"] = participant_id
        if roles:
            claims["roles"] = list(roles)
        return jwt.encode(claims, self._api_secret, algorithm="HS256")

    def verify(self, token: str) -> Claims:
        """The claims of a good token.

        Raises:
            Refused: 4002 expired, forged or malformed, 4001 another API key, 4008 odd permissions.
        """
        try:
            payload = jwt.decode(
                token,
                self._api_secret,
                algorithms=["HS256"],
                options={"require": ["exp"], "verify_exp": False, "verify_iat": False},
            )
            claims = Claims.model_validate(payload)
        except (jwt.InvalidTokenError, ValidationError):
            raise Refused(Code.TOKEN_INVALID) from None
        expires = payload["exp"]
        if isinstance(expires, bool) or not isinstance(expires, int | float) or expires <= self._wall_clock():
            raise Refused(Code.TOKEN_INVALID)
        if claims.apikey != self._api_key:
            raise Refused(Code.API_KEY_INVALID)
        _check_permissions(claims)
        return claims


def _check_permissions(claims: Claims) -> None:
    held = set(claims.permissions)
    contradictory = "ask_join" in held and len(held & PERMISSIONS) > 1
    if not held & {"allow_join", "ask_join"} or contradictory:
        raise Refused(Code.PERMISSIONS_INVALID)
