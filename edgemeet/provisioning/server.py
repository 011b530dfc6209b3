"""Tokens from a provisioning server, which keeps the API secret off the device."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import httpx
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, SecretStr, ValidationError

from edgemeet.errors import ServerError
from edgemeet.provisioning.meeting_id import check_meeting_id
from edgemeet.provisioning.sources import Grant
from edgemeet.provisioning.token import Token
from edgemeet.refusals import from_reply, quotable
from edgemeet.rest import Reply, exchange

WHAT = "the provisioning server"


class TokenAnswer(BaseModel):
    """What a provisioning server may answer. Only the token is required; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    token: SecretStr
    meeting_id: str | None = Field(
        default=None, validation_alias=AliasChoices("meetingId", "meeting_id", "roomId")
    )
    name: str | None = None
    metadata: dict[str, JsonValue] | None = None


class ServerToken:
    """Asks a server for a token, for each join anew.

    A GET carries who asks in the query, a POST in a JSON body: ``participantId``, ``meetingId`` where it is
    known, and ``purpose=create-meeting`` if the token is for the rooms API. Servers may ignore all of it.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        *,
        method: Literal["GET", "POST"] = "GET",
        bearer: SecretStr | None = None,
        timeout: float = 10.0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Args: ``bearer`` is sent in the Authorization header; ``timeout`` is in seconds."""
        self._client = client
        self._url = url
        self._method = method
        self._bearer = bearer
        self._timeout = timeout
        self._wall_clock = wall_clock

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """Ask for a token to join with.

        Raises:
            AuthError: refused, or ``auth.token_expired``, or the answer's token is no JWT (TokenMalformed).
            ServerError: ``server.bad_answer``, or as :func:`edgemeet.rest.exchange`.
            ClockError: as :meth:`Token.check_times`.
            NetworkError, RateLimited: as :func:`edgemeet.rest.exchange`.
            MeetingNotFound: ``meeting.malformed_id``, the answer names something that is no meeting id.
        """
        query = {"participantId": participant_id}
        if meeting_id is not None:
            query["meetingId"] = meeting_id
        return await self._ask(query)

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """Ask for a token for the rooms API. Raises as :meth:`fetch`."""
        return (await self._ask({"participantId": participant_id, "purpose": "create-meeting"})).token

    async def _ask(self, query: dict[str, str]) -> Grant:
        get = self._method == "GET"
        bearer = self._bearer.get_secret_value() if self._bearer else None
        reply = await exchange(
            self._client,
            self._method,
            _with_query(self._url, query) if get else self._url,
            what=WHAT,
            timeout=self._timeout,
            headers={"Authorization": f"Bearer {bearer}"} if bearer else {},
            json=None if get else query,
            wall_clock=lambda: datetime.fromtimestamp(self._wall_clock(), UTC),
        )
        hide = (bearer,) if bearer else ()
        if not 200 <= reply.status < 300:
            raise from_reply(reply.status, reply.body, what=WHAT, hide=hide)
        answer = _parse(reply, hide)
        token = Token.parse(answer.token.get_secret_value())
        token.check_times(self._wall_clock(), their_clock=reply.date.timestamp() if reply.date else None)
        meeting_id = check_meeting_id(answer.meeting_id) if answer.meeting_id else None
        return Grant(token, meeting_id, answer.name or None, answer.metadata)


def _with_query(url: str, query: dict[str, str]) -> str:
    """``url`` with ``query`` beside what it has; an unusable URL is left for `exchange` to refuse."""
    try:
        return str(httpx.URL(url).copy_merge_params(query))
    except (httpx.InvalidURL, UnicodeError):
        return url


def _parse(reply: Reply, hide: tuple[str, ...]) -> TokenAnswer:
    try:
        return TokenAnswer.model_validate(reply.body)
    except ValidationError as error:
        faults = "; ".join(
            f'"{quotable(str(fault["loc"][0]), hide=hide)}": {fault["msg"]}' for fault in error.errors()[:4]
        )
        raise ServerError(
            f"the answer of {WHAT} cannot be used: {faults}",
            code="server.bad_answer",
            hint='It has to be JSON like {"token": "eyJ..."}.',
        ) from None
