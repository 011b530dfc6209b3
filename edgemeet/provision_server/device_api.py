"""What devices ask: enrolment, and token, meeting and settings."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgemeet.provision_server.enrolling import Enrolling
from edgemeet.provision_server.exchange import Exchange, address_of, answer, body_of
from edgemeet.provision_server.granting import Granting, Question
from edgemeet.provision_server.metrics import Metrics
from edgemeet.provision_server.refusal import Refused
from edgemeet.provisioning import EnrolmentRequest

_LONGEST_TEXT = 256


class TokenRequest(BaseModel):
    """The body of a POST; a GET has the same in its query."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True)

    participant_id: str | None = Field(default=None, alias="participantId", max_length=_LONGEST_TEXT)
    meeting_id: str | None = Field(default=None, alias="meetingId", max_length=_LONGEST_TEXT)
    purpose: str | None = Field(default=None, max_length=_LONGEST_TEXT)


class DeviceApi:
    """The handlers.

    Args:
        exchange: around each of them.
        enrolling: takes enrolments.
        granting: answers enrolled devices.
        metrics: told of tokens.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self,
        exchange: Exchange,
        enrolling: Enrolling,
        granting: Granting,
        metrics: Metrics,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._exchange = exchange
        self._enrolling = enrolling
        self._granting = granting
        self._metrics = metrics
        self._now = wall_clock

    def routes(self) -> list[Route]:
        """For the application."""
        wrap = self._exchange.wrap
        return [
            Route("/v1/enroll", wrap("enroll", self.enroll), methods=["POST"]),
            Route("/v1/token", wrap("token", self.token), methods=["GET", "POST"]),
        ]

    async def enroll(self, request: Request) -> Response:
        """A new device."""
        wanted = await body_of(request, EnrolmentRequest)
        address, now = address_of(request), self._now()
        device_id = await self._exchange.in_thread(lambda: self._enrolling.enrol(wanted, address, now))
        return answer({"device_id": device_id}, status=201)

    async def token(self, request: Request) -> Response:
        """Token, meeting and settings; 304 when the device knows what there is to know."""
        scheme, _, assertion = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not assertion:
            raise Refused(401, "identity.missing", "Authorization must be Bearer and an assertion")
        if request.method == "POST":
            said = await body_of(request, TokenRequest)
        else:
            query = {name: value[: _LONGEST_TEXT + 1] for name, value in request.query_params.items()}
            said = TokenRequest.model_construct(
                participant_id=query.get("participantId"),
                meeting_id=query.get("meetingId"),
                purpose=query.get("purpose"),
            )
        question = Question(
            assertion.strip(),
            participant_id=said.participant_id,
            meeting_id=said.meeting_id,
            purpose=said.purpose,
            etag=request.headers.get("if-none-match"),
            address=address_of(request),
        )
        now = self._now()
        told = await self._exchange.in_thread(lambda: self._granting.answer(question, now))
        if told.unchanged:
            headers = {"ETag": told.decision.etag, "Cache-Control": "no-store"}
            return Response(status_code=304, headers=headers)
        body = told.decision.body()
        if told.token is not None:
            self._metrics.note_token()
            body = {"token": told.token, "expires_at": told.expires_at, **body}
        return answer(body, etag=told.decision.etag)
