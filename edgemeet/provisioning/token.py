"""A VideoSDK token: a JWT that is passed on as it is, and read only for what a device must know of it.

The signature cannot be checked here, and need not be: only VideoSDK and who signed it hold the secret.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from edgemeet.errors import AuthError, ClockError, TokenMalformed
from edgemeet.network_faults import CLOCK_HINT

MAX_LENGTH: Final = 8192  # signs; the token travels in a URL, and servers commonly refuse longer ones
CLOCK_TOLERANCE: Final = 60.0  # seconds that two honest clocks may differ


class Claims(BaseModel):
    """What a token says. Nothing of it is secret; the API key is left out all the same.

    Attributes:
        exp: seconds since 1970 when it ends; None if it does not say.
        iat: seconds since 1970 when it was made.
        nbf: seconds since 1970 before which it is not to be taken.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, frozen=True, extra="ignore", strict=True, hide_input_in_errors=True
    )

    room_id: str | None = None
    participant_id: str | None = None
    permissions: list[str] = Field(default_factory=list)
    roles: list[str] = Field(default_factory=list)
    exp: float | None = Field(default=None, allow_inf_nan=False)
    iat: float | None = Field(default=None, allow_inf_nan=False)
    nbf: float | None = Field(default=None, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its claims. ``str`` and ``repr`` do not show the token itself."""

    _value: str = field(repr=False)
    claims: Claims

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read a token; white space around it is ignored.

        Raises:
            TokenMalformed: ``auth.token_empty``, ``auth.token_too_long``, ``auth.token_not_jwt`` or
                ``auth.token_claims`` (a claim has the wrong type).
        """
        value = text.strip()
        if not value:
            raise TokenMalformed("the token is empty", code="auth.token_empty")
        if len(value) > MAX_LENGTH:
            raise TokenMalformed(
                f"the token has {len(value)} signs, {MAX_LENGTH} are the most", code="auth.token_too_long"
            )
        try:
            payload = jwt.decode(value, options={"verify_signature": False})
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise TokenMalformed(
                "what was given as a token is not a JSON Web Token",
                code="auth.token_not_jwt",
                hint=_shape_hint(value),
            ) from None
        try:
            return cls(value, Claims.model_validate(payload))
        except ValidationError as error:
            names = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors() if fault["loc"]}))
            message = f"these claims of the token have the wrong type: {names}"
            raise TokenMalformed(message, code="auth.token_claims") from None

    def reveal(self) -> str:
        """The token in clear, for the wire: never log it."""
        return self._value

    @property
    def expires_at(self) -> float | None:
        """Seconds since 1970 when the token ends; None if it does not say."""
        return self.claims.exp

    def seconds_left(self, now: float) -> float:
        """Seconds until the token ends; infinite if it does not say (RFC 7519 makes ``exp`` optional)."""
        return math.inf if self.claims.exp is None else self.claims.exp - now

    def check_times(self, now: float, *, their_clock: float | None = None) -> None:
        """Refuse a token that cannot be used now.

        Args:
            now: this machine's clock, seconds since 1970.
            their_clock: the clock of who handed out the token, if it is known. It settles whether the token
                or this machine is wrong.

        Raises:
            AuthError: ``auth.token_expired``.
            ClockError: ``clock.ahead`` if the token has ended only by this machine's clock, ``clock.behind``
                if it was made more than a minute in this machine's future.
        """
        made = max(self.claims.iat or 0.0, self.claims.nbf or 0.0)
        if made > now + CLOCK_TOLERANCE:
            raise ClockError(
                f"the token was made {made - now:.0f} s in the future: this machine's clock is behind, "
                "or the clock of who made it is ahead",
                code="clock.behind",
                hint=CLOCK_HINT,
            )
        left = self.seconds_left(now)
        if left > 0:
            return
        if their_clock is not None and self.seconds_left(their_clock) > 0:
            raise ClockError(
                f"the token has ended by this machine's clock, which is {now - their_clock:.0f} s ahead of "
                "the provisioning server's",
                code="clock.ahead",
                hint=CLOCK_HINT,
            )
        raise AuthError(
            f"the token expired {-left:.0f} s ago",
            code="auth.token_expired",
            hint="Get a new token. If it is new, compare the clocks of this machine and of who made it.",
        )


def _shape_hint(value: str) -> str:
    if value.lower().startswith("bearer "):
        return 'Leave the word "Bearer" out: only the token itself is wanted.'
    if value.startswith(("{", "[")):
        return "It looks like JSON: only the token itself is wanted."
    if value.startswith("<"):
        return "It looks like a web page."
    return "A token is three parts of letters and digits with dots between, and begins with eyJ."
