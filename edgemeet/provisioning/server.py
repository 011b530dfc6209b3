"""Tokens from a provisioning server, which keeps the API secret off the device."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Literal

import httpx
from pydantic import SecretStr

from edgemeet.errors import AuthError, DeviceRevoked, EdgemeetError, NothingAssigned
from edgemeet.provisioning.answer import AssignedMeeting, TokenAnswer, parse_answer
from edgemeet.provisioning.authentication import Authentication, Bearer
from edgemeet.provisioning.meeting_id import check_meeting_id
from edgemeet.provisioning.sources import Grant, Standing
from edgemeet.provisioning.token import Token
from edgemeet.refusals import from_reply
from edgemeet.rest import Reply, exchange

WHAT: Final = "the provisioning server"

# Seconds until a server is asked that did not answer at the join.
RECALLED_POLL: Final = 60.0

_UNAUTHORISED: Final = 401
_NOT_MODIFIED: Final = 304
_OWN_CODE: Final = re.compile(r"identity\.[a-z_]{1,40}")


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
        authentication: Authentication | None = None,
        timeout: float = 10.0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Args: ``bearer`` is sent in the Authorization header, unless there is another ``authentication``;
        ``timeout`` is in seconds.
        """
        self._client = client
        self._url = url
        self._method = method
        self._authentication = authentication or Bearer(bearer, wall_clock)
        self._timeout = timeout
        self._wall_clock = wall_clock
        self.standing: Standing | None = None
        """What the server said last, whether or not it gave a token; None before its first answer."""

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """Ask for a token to join with.

        Raises:
            AuthError: refused, or ``auth.token_expired``, or the answer's token is no JWT (TokenMalformed).
            DeviceRevoked: the server wants this device to stay out.
            MeetingUnavailable: ``meeting.none_assigned``.
            ServerError: ``server.bad_answer``, or as :func:`edgemeet.rest.exchange`.
            ClockError: as :meth:`Token.check_times`.
            NetworkError, RateLimited: as :func:`edgemeet.rest.exchange`.
            MeetingNotFound: ``meeting.malformed_id``, the answer names something that is no meeting id.
        """
        return self._granted(*await self._ask(_query(meeting_id, participant_id)))

    async def poll(self, *, meeting_id: str | None, participant_id: str) -> Grant | None:
        """Ask whether anything has changed; None if not, or if the server gives no token now.

        ``standing`` holds the answer. Raises as :meth:`fetch`, but neither DeviceRevoked nor
        ``meeting.none_assigned``.
        """
        etag = self.standing.etag if self.standing else None
        reply, hide = await self._ask(_query(meeting_id, participant_id), etag=etag)
        if reply.status == _NOT_MODIFIED:
            return None
        with suppress(DeviceRevoked, NothingAssigned):
            return self._granted(reply, hide)
        return None

    def recall(self, grant: Grant) -> None:
        """An answer of an earlier life is used: it stands for the server's last word, until that speaks."""
        if self.standing is None:
            self.standing = Standing(
                poll_after=RECALLED_POLL,
                meeting_id=grant.meeting_id,
                create=grant.create,
                name=grant.name,
                metadata=grant.metadata,
            )

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """Ask for a token for the rooms API. Raises as :meth:`fetch`."""
        reply, hide = await self._ask({"participantId": participant_id, "purpose": "create-meeting"})
        return self._token(parse_answer(reply, WHAT, hide), reply)

    async def _ask(self, query: dict[str, str], *, etag: str | None = None) -> tuple[Reply, tuple[str, ...]]:
        """The answer, and what must not be shown of it."""
        header, reply = await self._exchange(query, etag)
        if reply.status == _UNAUTHORISED and self._authentication.note(reply.date):
            # Refused because of this machine's clock, as it seems: the server's is known now.
            header, reply = await self._exchange(query, etag)
        self._authentication.note(reply.date)
        hide = (header.removeprefix("Bearer "),) if header else ()
        expected = 200 <= reply.status < 300 or (reply.status == _NOT_MODIFIED and etag is not None)
        if not expected:
            raise _refusal(reply, hide)
        return reply, hide

    async def _exchange(self, query: dict[str, str], etag: str | None) -> tuple[str | None, Reply]:
        get = self._method == "GET"
        header = await self._authentication.header()
        headers = {"Authorization": header} if header else {}
        reply = await exchange(
            self._client,
            self._method,
            _with_query(self._url, query) if get else self._url,
            what=WHAT,
            timeout=self._timeout,
            headers=headers | ({"If-None-Match": etag} if etag else {}),
            json=None if get else query,
            wall_clock=lambda: datetime.fromtimestamp(self._wall_clock(), UTC),
        )
        return header, reply

    def _granted(self, reply: Reply, hide: tuple[str, ...]) -> Grant:
        answer = parse_answer(reply, WHAT, hide)
        standing = _standing(answer, reply.etag)
        grant = (
            None if answer.revoked or answer.token is None else _grant(standing, self._token(answer, reply))
        )
        self.standing = standing
        if answer.revoked:
            raise revocation()
        if grant is None:
            raise NothingAssigned(
                "the provisioning server has no meeting for this device at present",
                code="meeting.none_assigned",
                hint="Assign one at the server; the device asks again by itself.",
            )
        return grant

    def _token(self, answer: TokenAnswer, reply: Reply) -> Token:
        token = Token.parse(answer.token.get_secret_value() if answer.token else "")
        now = self._authentication.now()
        token.check_times(now, their_clock=reply.date.timestamp() if reply.date else None)
        return token


def revocation() -> DeviceRevoked:
    """What a device is told that has to stay out."""
    return DeviceRevoked(
        "the provisioning server has withdrawn this device's permission",
        hint="Its operator can restore it; the device asks again by itself.",
    )


def _query(meeting_id: str | None, participant_id: str) -> dict[str, str]:
    return {"participantId": participant_id} | ({} if meeting_id is None else {"meetingId": meeting_id})


def _with_query(url: str, query: dict[str, str]) -> str:
    """``url`` with ``query`` beside what it has; an unusable URL is left for `exchange` to refuse."""
    try:
        return str(httpx.URL(url).copy_merge_params(query))
    except (httpx.InvalidURL, UnicodeError):
        return url


def _refusal(reply: Reply, hide: tuple[str, ...]) -> EdgemeetError:
    error = from_reply(reply.status, reply.body, what=WHAT, hide=hide)
    code = reply.body.get("code")
    if isinstance(error, AuthError) and isinstance(code, str) and _OWN_CODE.fullmatch(code):
        return AuthError(error.message, code=code, hint=error.hint)
    return error


def _standing(answer: TokenAnswer, etag: str | None) -> Standing:
    meeting = answer.meeting or AssignedMeeting.model_construct(id=answer.meeting_id, create=None)
    return Standing(
        etag=etag,
        poll_after=answer.poll_after,
        revoked=answer.revoked,
        meeting_id=check_meeting_id(meeting.id) if meeting.id else None,
        create=meeting.create,
        name=answer.name or None,
        metadata=answer.metadata,
        config=answer.config or {},
    )


def _grant(standing: Standing, token: Token) -> Grant:
    return Grant(token, standing.meeting_id, standing.name, standing.metadata, standing.create)
