"""What a provisioning server may answer: docs/provisioning-api.md is the contract.

The plain ``{"token": "..."}`` of the vendor's sample servers is an answer too; unknown fields are ignored.
"""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    ValidationError,
    model_validator,
)

from edgemeet.errors import ServerError
from edgemeet.refusals import quotable
from edgemeet.rest import Reply

# Seconds between two polls. More often than this would be a burden, less often nearly never.
LEAST_POLL: Final = 5.0
MOST_POLL: Final = 86_400.0


def _bounded(value: object) -> object:
    """A number outside of the bounds is honoured as far as it goes, so that a typing error is no outage."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return min(max(value, LEAST_POLL), MOST_POLL)
    return value


class CreateMeeting(BaseModel):
    """The device shall create the meeting, or find the one with ``custom_id``."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    custom_id: str | None = Field(default=None, max_length=128)


class AssignedMeeting(BaseModel):
    """Exactly one of the two: the id of a meeting, or how to create it."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: str | None = None
    create: CreateMeeting | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.create is None):
            raise ValueError('must hold "id" or "create", and not both')
        return self


class TokenAnswer(BaseModel):
    """The answer to a request for a token.

    Attributes:
        token: to join with; absent if ``revoked``, and if ``meeting`` is null.
        expires_at: seconds since 1970 when the token ends.
        meeting_id: the older way to name the meeting.
        meeting: the meeting to join. Null, beside no token: none is assigned to this device now.
        name: to show to the other participants.
        metadata: for the other participants.
        config: settings that take the place of the device's own, as far as it allows that.
        poll_after: seconds after which to ask whether something has changed; absent: never.
        revoked: the device shall leave, and stay out until the server says otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    token: SecretStr | None = None
    expires_at: float | None = Field(default=None, allow_inf_nan=False)
    meeting_id: str | None = Field(
        default=None, validation_alias=AliasChoices("meetingId", "meeting_id", "roomId")
    )
    meeting: AssignedMeeting | None = None
    name: str | None = None
    metadata: dict[str, JsonValue] | None = None
    config: dict[str, dict[str, JsonValue]] | None = None
    poll_after: (
        Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(_bounded)] | None
    ) = None
    revoked: bool = False

    @model_validator(mode="after")
    def _token_or_reason(self) -> Self:
        nothing_assigned = "meeting" in self.model_fields_set and self.meeting is None
        if self.token is None and not self.revoked and not nothing_assigned:
            raise ValueError('"token" is missing')
        return self


def parse_answer(reply: Reply, what: str, hide: tuple[str, ...]) -> TokenAnswer:
    """The answer of ``what``. Raises ServerError ``server.bad_answer``, without what is in ``hide``."""
    try:
        return TokenAnswer.model_validate(reply.body)
    except ValidationError as error:
        faults = "; ".join(
            f'"{quotable(".".join(map(str, fault["loc"])), hide=hide) or "token"}": {fault["msg"]}'
            for fault in error.errors()[:4]
        )
        raise ServerError(
            f"the answer of {what} cannot be used: {faults}",
            code="server.bad_answer",
            hint='It has to be JSON like {"token": "eyJ..."}.',
        ) from None
