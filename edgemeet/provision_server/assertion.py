"""Checks the signed assertion of a device: RFC 7523's rules, narrowed to what our devices send."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgemeet.provision_server.refusal import Refused
from edgemeet.provisioning import PublicKey

LONGEST: Final = 4096  # characters; an honest one has about 400
LEEWAY: Final = 30  # seconds that two honest clocks may differ
LONGEST_LIFE: Final = 300  # seconds; longer ones would have to be remembered for longer
_ALGORITHMS: Final = frozenset({"EdDSA", "ES256"})
_DEVICE_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,64}")


class Claims(BaseModel):
    """What an assertion says; all of it is required."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    iss: str = Field(max_length=128)
    sub: str = Field(max_length=128)
    aud: str = Field(max_length=512)
    jti: str = Field(min_length=8, max_length=128, pattern=r"^[A-Za-z0-9._~-]+$")
    iat: int = Field(ge=0, lt=2**40)
    exp: int = Field(ge=0, lt=2**40)


def claimed_device(text: str) -> str:
    """Who an assertion says it comes from: not to be believed before :func:`check`.

    Raises:
        Refused: ``identity.malformed``, ``identity.algorithm``.
    """
    if len(text) > LONGEST:
        raise _malformed()
    try:
        read = jwt.decode_complete(text, options={"verify_signature": False})
        header, payload = read["header"], read["payload"]
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise _malformed() from None
    if header.get("alg") not in _ALGORITHMS:
        raise Refused(401, "identity.algorithm", "assertions are signed with EdDSA or ES256")
    device_id = payload.get("sub")
    if not isinstance(device_id, str) or not _DEVICE_ID.fullmatch(device_id):
        raise _malformed()
    return device_id


def check(text: str, key: PublicKey, *, issuer: str, audiences: Collection[str], now: float) -> Claims:
    """The claims of an assertion that ``key`` signed, for one of ``audiences``, now.

    The signature comes first: whatever else is wrong is told only to who holds the key.

    Raises:
        Refused: ``identity.signature``, ``identity.malformed``, ``identity.audience``,
            ``identity.lifetime``, or ``identity.clock`` where the times do not fit the server's clock.
    """
    try:
        payload = jwt.decode(
            text,
            key.load(),
            algorithms=[key.algorithm],
            options={
                "verify_aud": False,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise Refused(
            401, "identity.signature", "the assertion is not signed with this device's key"
        ) from None
    try:
        claims = Claims.model_validate(payload)
    except ValidationError as error:
        names = ", ".join(sorted({str(fault["loc"][0]) for fault in error.errors()}))
        text = f"these claims of the assertion are missing or malformed: {names}"
        raise Refused(401, "identity.malformed", text, proven=True) from None
    if claims.iss != issuer:
        raise Refused(401, "identity.malformed", "iss of the assertion is another device", proven=True)
    if claims.aud not in audiences:
        raise Refused(401, "identity.audience", "the assertion is meant for another server", proven=True)
    if not 0 < claims.exp - claims.iat <= LONGEST_LIFE:
        text = f"an assertion must be valid for at most {LONGEST_LIFE} s"
        raise Refused(401, "identity.lifetime", text, proven=True)
    if claims.iat > now + LEEWAY or claims.exp < now - LEEWAY:
        ahead = claims.iat - now
        text = f"the assertion's times do not fit: the device's clock is {abs(ahead):.0f} s " + (
            "ahead" if ahead > 0 else "behind"
        )
        raise Refused(401, "identity.clock", text, proven=True)
    return claims


def _malformed() -> Refused:
    return Refused(401, "identity.malformed", "Authorization must be Bearer and an assertion of this device")
