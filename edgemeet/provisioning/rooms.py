"""VideoSDK's rooms API: create a meeting, ask whether one exists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from edgemeet.errors import ServerError
from edgemeet.provisioning.meeting_id import check_meeting_id
from edgemeet.provisioning.token import Token
from edgemeet.refusals import ROOMS_API, from_reply
from edgemeet.rest import Reply, exchange

# At creation a 404 is a wrong address, not a missing meeting: `from_reply` looks for the word "rooms".
_CREATION: Final = "the VideoSDK API"


class _RoomAnswer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    room_id: str = Field(validation_alias=AliasChoices("roomId", "meetingId"))
    custom_id: str | None = Field(default=None, validation_alias="customRoomId")
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A meeting as the rooms API knows it.

    Attributes:
        meeting_id: VideoSDK's own id, to join with.
        custom_id: the id its creator gave it.
        disabled: nobody may join.
    """

    meeting_id: str
    custom_id: str | None = None
    disabled: bool = False


class Rooms:
    """The rooms API with the bare token in the Authorization header, as VideoSDK wants it."""

    def __init__(self, client: httpx.AsyncClient, api_url: str, timeout: float = 10.0) -> None:
        """Args: ``api_url`` is the origin, such as https://api.videosdk.live; ``timeout`` is in seconds."""
        self._client = client
        self._base = api_url.rstrip("/")
        self._timeout = timeout

    async def create(self, token: Token, custom_id: str | None = None) -> Room:
        """A new meeting, or the one that has ``custom_id`` already.

        Raises:
            AuthError: the token is refused; also where VideoSDK says so in a 400.
            MeetingNotFound: ``meeting.malformed_id``, ``custom_id`` cannot be in a URL.
            NetworkError, ServerError, RateLimited, ClockError: as :func:`edgemeet.rest.exchange`.
        """
        body = {} if custom_id is None else {"customRoomId": check_meeting_id(custom_id)}
        return await self._ask("POST", "/v2/rooms", token, what=_CREATION, json=body)

    async def validate(self, token: Token, meeting_id: str) -> Room:
        """The meeting with this id or custom id.

        Raises:
            MeetingNotFound: there is none, or ``meeting.malformed_id``.
            AuthError, NetworkError, ServerError, RateLimited, ClockError: as :meth:`create`.
        """
        path = f"/v2/rooms/validate/{quote(check_meeting_id(meeting_id), safe='')}"
        return await self._ask("GET", path, token, what=ROOMS_API)

    async def _ask(
        self, method: str, path: str, token: Token, *, what: str, json: dict[str, str] | None = None
    ) -> Room:
        reply = await exchange(
            self._client,
            method,
            self._base + path,
            what=what,
            timeout=self._timeout,
            headers={"Authorization": token.reveal()},
            json=json,
        )
        if not 200 <= reply.status < 300:
            raise from_reply(reply.status, reply.body, what=what, hide=(token.reveal(),))
        return _room(reply, what)


def _room(reply: Reply, what: str) -> Room:
    try:
        answer = _RoomAnswer.model_validate(reply.body)
    except ValidationError as error:
        names = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        message = f"the answer of {what} cannot be used: wrong or missing {names}"
        raise ServerError(message, code="server.bad_answer") from None
    return Room(check_meeting_id(answer.room_id), answer.custom_id, answer.disabled)
