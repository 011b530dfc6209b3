"""Enrolment: a one-time code and a new key become an identity."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edgemeet.errors import AuthError, ConfigError, ServerError
from edgemeet.provisioning.authentication import ASSERTION_TTL, ServerClock
from edgemeet.provisioning.device_key import DeviceKey, KeyType
from edgemeet.provisioning.identity import (
    FILE_NAME,
    PENDING_NAME,
    DeviceIdentity,
    load_pending,
    save_identity,
)
from edgemeet.provisioning.public_key import PublicKey
from edgemeet.provisioning.server import WHAT
from edgemeet.refusals import from_reply
from edgemeet.rest import Reply, exchange, origin

ENROL_PATH: Final = "/v1/enroll"


class EnrolmentRequest(BaseModel):
    """What a device sends.

    Attributes:
        code: the one-time code, as a person typed it.
        public_key: of the device.
        proof: a JWT signed with the private key, with the claims of an assertion and ``code`` as ``sub``:
            who sends the key has it.
        participant_id: who the device is in meetings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: str = Field(min_length=8, max_length=32)
    public_key: PublicKey
    proof: str = Field(max_length=4096, repr=False)
    participant_id: str = Field(pattern=r"^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$")


class EnrolmentAnswer(BaseModel):
    """What the server answers: the name by which it knows the device from now on."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    device_id: str = Field(pattern=r"^[A-Za-z0-9._~-]{1,128}$")


async def enrol(
    client: httpx.AsyncClient,
    url: str,
    code: str,
    *,
    participant_id: str,
    state_directory: Path,
    kind: KeyType = "ed25519",
    timeout: float = 10.0,
    wall_clock: Callable[[], float] = time.time,
) -> DeviceIdentity:
    """Register a new key with the server at ``url``, and keep the identity in the state directory.

    The key is kept before it is sent. Where the answer was lost, the next call sends the same key, and the
    server takes the same code for it once more.

    Args:
        client: from :func:`edgemeet.rest.new_client`.
        url: the server's origin, or any URL on it.
        code: from the server's operator.
        participant_id: who the device is in meetings.
        state_directory: where the identity is kept.
        kind: of the new key.
        wall_clock: seconds since 1970.
        timeout: seconds for each of at most two exchanges; the second has the clock corrected.

    Raises:
        AuthError: the code is refused.
        ConfigError: ``identity.unwritable``, or the URL is none.
        NetworkError, ServerError, RateLimited, ClockError: as :func:`edgemeet.rest.exchange`.
    """
    base = origin(url)
    if not base.startswith(("http://", "https://")):
        raise ConfigError("the address to enrol at is not an http or https URL", code="config.url")
    pending = state_directory / PENDING_NAME
    begun = load_pending(pending)
    if begun is None or begun.url != base:
        begun = DeviceIdentity("", base, DeviceKey.generate(kind))
        save_identity(pending, begun)
    clock = ServerClock(wall_clock)

    async def ask() -> Reply:
        body = _request(code, begun.key, participant_id, base, clock.now())
        return await exchange(client, "POST", base + ENROL_PATH, what=WHAT, timeout=timeout, json=body)

    reply = await ask()
    if reply.status == 401 and clock.note(reply.date):
        reply = await ask()
    identity = DeviceIdentity(_device_id(reply, code), base, begun.key)
    save_identity(state_directory / FILE_NAME, identity)
    pending.unlink(missing_ok=True)
    return identity


def _request(code: str, key: DeviceKey, participant_id: str, base: str, now: float) -> dict[str, object]:
    claims: dict[str, str | int] = {
        "iss": key.public.thumbprint,
        "sub": code,
        "aud": base,
        "jti": secrets.token_urlsafe(16),
        "iat": int(now),
        "exp": int(now) + ASSERTION_TTL,
    }
    # Not validated here: what is wrong with a code that a person typed is for the server to say.
    request = EnrolmentRequest.model_construct(
        code=code, public_key=key.public, proof=key.sign(claims), participant_id=participant_id
    )
    return request.model_dump(mode="json", exclude_none=True)


def _device_id(reply: Reply, code: str) -> str:
    if not 200 <= reply.status < 300:
        error = from_reply(reply.status, reply.body, what=WHAT, hide=(code,))
        said = reply.body.get("code")
        if said == "enrolment.code_used":
            raise AuthError(
                "this code has been used by another device",
                code="enrolment.code_used",
                hint="Each device needs its own: `edgemeet provision code` at the server makes one.",
            )
        if said == "enrolment.code_refused":
            raise AuthError(
                "the server does not know this code, or it has expired",
                code="enrolment.code_refused",
                hint="Compare it with what the server's operator has; a code lasts for an hour, as a rule.",
            )
        raise error
    try:
        return EnrolmentAnswer.model_validate(reply.body).device_id
    except ValidationError:
        raise ServerError(
            f'the answer of {WHAT} cannot be used: "device_id" is missing or malformed',
            code="server.bad_answer",
        ) from None
