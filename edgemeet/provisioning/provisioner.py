"""Brings a token and a meeting together for each attempt to join."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
from pydantic import JsonValue

from edgemeet.errors import (
    AuthError,
    ConfigError,
    DeviceRevoked,
    MeetingUnavailable,
    RetryableError,
    ServerError,
)
from edgemeet.provisioning.answer import CreateMeeting
from edgemeet.provisioning.authentication import Authentication, Bearer, ServerClock, SignedAssertion
from edgemeet.provisioning.meeting_id import check_meeting_id
from edgemeet.provisioning.memory import Memory, belongs_to
from edgemeet.provisioning.options import MeetingSource, ProvisioningOptions
from edgemeet.provisioning.rooms import Rooms
from edgemeet.provisioning.server import ServerToken
from edgemeet.provisioning.signed import SignedToken
from edgemeet.provisioning.sources import FileToken, Grant, StaticToken, TokenSource
from edgemeet.provisioning.token import Token
from edgemeet.rest import origin
from edgemeet.state import StateStore

_log = logging.getLogger(__name__)

# A meeting that a device made and that answers so will not come back.
_MEETING_GONE = frozenset({"meeting.not_found", "meeting.invalid_id", "meeting.disabled"})


@dataclass(frozen=True, slots=True)
class Admission:
    """All that one attempt to join needs to know."""

    token: Token
    meeting_id: str
    name: str
    metadata: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the device is to do by the server's last word: where it differs, something is to be done.

    Attributes:
        revoked: stay out.
        meeting: the id of the meeting, or how to create it; None where the device chooses, or none is
            assigned.
        name: the name to show.
        metadata: for the other participants.
        config: settings that take the place of the device's own.
        poll_after: seconds after which to ask again; None is never. It is no part of comparisons.
    """

    revoked: bool
    meeting: str | CreateMeeting | None
    name: str
    metadata: Mapping[str, JsonValue] = field(repr=False)
    config: Mapping[str, Mapping[str, JsonValue]]
    poll_after: float | None = field(compare=False)


class Provisioner:
    """Gets a fresh token, and the meeting's id, for each attempt to join.

    The last token is kept for one case only: the source cannot be reached, the token has 60 s left or does
    not end, and it was not refused. With a `store` that holds over a restart too, and a meeting that was made
    is made once.
    """

    def __init__(
        self,
        options: ProvisioningOptions,
        meeting: MeetingSource,
        client: httpx.AsyncClient,
        participant_id: str,
        *,
        store: StateStore | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigError where the options contradict each other, without any network."""
        if meeting.source == "fixed" and not meeting.id:
            raise ConfigError('meeting.source is "fixed": meeting.id has to name the meeting')
        if meeting.source == "provisioned" and not options.url:
            raise ConfigError('meeting.source is "provisioned": provisioning.url has to be given')
        self._source = token_source(options, client, wall_clock=wall_clock)
        self._meeting = meeting
        self._rooms = Rooms(client, meeting.api_url, options.timeout)
        self._participant_id = participant_id
        self._creating = asyncio.Lock()  # two attempts must not make two meetings
        self._memory = Memory(store, belongs_to(options, meeting, participant_id), wall_clock=wall_clock)
        self._renewable = options.url is not None

    async def admit(self) -> Admission:
        """The token and the meeting for one attempt to join.

        Raises:
            AuthError, ClockError, NetworkError, ServerError, RateLimited: from the source of the token or,
                if the meeting is to be created, from the rooms API.
            ServerError: ``server.no_meeting``, the server was to name the meeting and did not.
            MeetingUnavailable: ``meeting.disabled``, ``meeting.malformed_id``, ``meeting.none_assigned``.
            DeviceRevoked: the server wants this device to stay out.
        """
        meeting_id = await self._known_meeting()
        grant = await self._grant(meeting_id)
        chosen = meeting_id or grant.meeting_id or await self._create_as_told(grant)
        if chosen is None:
            raise ServerError(
                "the provisioning server named no meeting",
                code="server.no_meeting",
                hint='Let it answer with "meetingId", or set meeting.source to "fixed" or "create".',
            )
        return Admission(
            grant.token, chosen, grant.name or self._meeting.name, self._merged(grant.metadata or {})
        )

    def assignment(self) -> Assignment | None:
        """The server's last word; None before it has spoken, and without a server."""
        source = self._source
        if not isinstance(source, ServerToken) or source.standing is None:
            return None
        said = source.standing
        provisioned = self._meeting.source == "provisioned"
        return Assignment(
            revoked=said.revoked,
            meeting=(said.meeting_id or said.create) if provisioned else None,
            name=said.name or self._meeting.name,
            metadata=self._merged(said.metadata or {}),
            config=said.config,
            poll_after=said.poll_after,
        )

    async def poll(self) -> Assignment | None:
        """Ask the server whether anything has changed; the answer is its last word then.

        Raises:
            AuthError, ClockError, NetworkError, ServerError, RateLimited, MeetingUnavailable: as `admit`.
        """
        source = self._source
        if isinstance(source, ServerToken):
            known = await self._known_meeting()
            grant = await source.poll(meeting_id=known, participant_id=self._participant_id)
            if source.standing is not None and source.standing.revoked:
                await self._memory.forget_grant()
            if grant is not None:
                self._memory.note_grant(grant)
        return self.assignment()

    def _merged(self, metadata: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        return {**self._meeting.metadata, **metadata}

    async def _create_as_told(self, grant: Grant) -> str | None:
        wanted = grant.create
        if wanted is None or self._meeting.source != "provisioned":
            return None
        async with self._creating:
            return await self._made(wanted.custom_id)

    async def joined(self) -> None:
        """Tell that the join with the last admission worked: it is worth remembering. Never raises."""
        if self._renewable:
            await self._memory.keep_grant()

    async def join_failed(self, error: BaseException) -> None:
        """Tell that the join with the last admission failed. Never raises.

        A token that was refused is never used again, and a meeting that is not there is not tried again
        where another one can be made.
        """
        if isinstance(error, AuthError | DeviceRevoked):
            await self._memory.forget_grant()
        if isinstance(error, MeetingUnavailable) and error.code in _MEETING_GONE:
            await self._memory.forget_meeting()

    async def _known_meeting(self) -> str | None:
        if self._meeting.source == "provisioned":
            return None
        if self._meeting.source == "fixed":
            return check_meeting_id(self._meeting.id or "")
        async with self._creating:
            return await self._made(self._meeting.custom_id)

    async def _made(self, custom_id: str | None) -> str:
        """The meeting that this device has made, or makes now."""
        known = await self._memory.meeting(custom_id)
        if known is None:
            known = await self._create(custom_id)
            await self._memory.keep_meeting(known, custom_id)
        return known

    async def _create(self, custom_id: str | None) -> str:
        token = await self._source.fetch_for_rooms(participant_id=self._participant_id)
        room = await self._rooms.create(token, custom_id)
        if room.disabled:
            raise MeetingUnavailable(f"the meeting {room.meeting_id} is disabled", code="meeting.disabled")
        _log.info("created or found the meeting %s", room.meeting_id)
        return room.meeting_id

    async def _grant(self, meeting_id: str | None) -> Grant:
        try:
            grant = await self._source.fetch(meeting_id=meeting_id, participant_id=self._participant_id)
        except RetryableError as error:
            last = await self._memory.usable_grant()
            if last is None:
                raise
            _log.warning("using the last token once more: %s", error.message)
            if isinstance(self._source, ServerToken):
                self._source.recall(last)
            return last
        self._memory.note_grant(grant)
        return grant


def token_source(
    options: ProvisioningOptions, client: httpx.AsyncClient, *, wall_clock: Callable[[], float] = time.time
) -> TokenSource:
    """The one source of tokens that the options name.

    Raises:
        ConfigError: ``config.token_source`` for none or more than one, or half of one.
    """
    given = {
        "provisioning.url": options.url,
        "provisioning.token": options.token,
        "provisioning.token_file": options.token_file,
        "provisioning.api_key and api_secret": options.api_key or options.api_secret,
    }
    named = [key for key, value in given.items() if value]
    if len(named) != 1:
        problem = f"more than one is given: {', '.join(named)}" if named else "none is given"
        message = f"tokens must come from one of {', '.join(given)}; {problem}"
        raise ConfigError(message, code="config.token_source")
    if options.url:
        return ServerToken(
            client,
            options.url,
            method=options.method,
            authentication=_authentication(options, options.url, wall_clock),
            timeout=options.timeout,
            wall_clock=wall_clock,
        )
    if options.token:
        return StaticToken(options.token, wall_clock=wall_clock)
    if options.token_file:
        return FileToken(options.token_file, wall_clock=wall_clock)
    if not options.api_key or not options.api_secret:
        missing = "api_secret" if options.api_key else "api_key"
        raise ConfigError(
            f"provisioning.{missing} is missing: signing needs both", code="config.token_source"
        )
    return SignedToken(options.api_key, options.api_secret, options.token_ttl, wall_clock=wall_clock)


def _authentication(
    options: ProvisioningOptions, url: str, wall_clock: Callable[[], float]
) -> Authentication:
    if options.auth == "identity":
        if options.identity_file is None:
            raise ConfigError(
                'provisioning.auth is "identity": the identity file is not known', code="config.token_source"
            )
        return SignedAssertion(options.identity_file, origin(url), ServerClock(wall_clock))
    if options.auth == "bearer" and not options.bearer:
        raise ConfigError(
            'provisioning.auth is "bearer": provisioning.bearer is missing', code="config.token_source"
        )
    return Bearer(options.bearer if options.auth == "bearer" else None, wall_clock)
