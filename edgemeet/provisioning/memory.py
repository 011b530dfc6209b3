"""What a device remembers over a restart: the last answer that led into a meeting, and a meeting it made."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, SecretStr, field_serializer

from edgemeet.errors import EdgemeetError
from edgemeet.provisioning.answer import CreateMeeting
from edgemeet.provisioning.options import MeetingSource, ProvisioningOptions
from edgemeet.provisioning.sources import Grant
from edgemeet.provisioning.token import Token
from edgemeet.state import StateStore

MIN_SECONDS_LEFT: Final = 60.0  # a join with all its retransmissions ends well within a minute

GRANT: Final = "provisioning"
MEETING: Final = "meeting"


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    origin: str


class GrantDocument(_Document):
    """The last provisioning answer that a meeting was joined with; `origin` is where it came from."""

    token: SecretStr
    meeting_id: str | None
    name: str | None
    metadata: dict[str, JsonValue] | None
    create: CreateMeeting | None

    @field_serializer("token", when_used="json")
    def _reveal(self, token: SecretStr) -> str:
        return token.get_secret_value()


class MeetingDocument(_Document):
    """The meeting that this device made, so that a restart does not make another one."""

    meeting_id: str
    custom_id: str | None  # that was asked for


def belongs_to(options: ProvisioningOptions, meeting: MeetingSource, participant_id: str) -> str:
    """What an answer belongs to: after another configuration it is worth nothing. Holds no secret."""
    parts = (
        options.url,
        meeting.source,
        meeting.id,
        meeting.custom_id,
        meeting.api_url,
        participant_id,
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class Memory:
    """The last good answer and the meeting made, in this process and, with a store, over restarts.

    Args:
        store: where they are kept; None keeps them no longer than this object.
        origin: see `belongs_to`.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self, store: StateStore | None, origin: str, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._origin = origin
        self._wall_clock = wall_clock
        self._grant: Grant | None = None
        self._grant_read = store is None
        self._meeting: MeetingDocument | None = None
        self._meeting_read = store is None

    def note_grant(self, grant: Grant) -> None:
        """The source has just given this one."""
        self._grant, self._grant_read = grant, True

    async def usable_grant(self) -> Grant | None:
        """The last one, if its token lasts for another join."""
        if not self._grant_read:
            self._grant_read = True
            self._grant = await self._read_grant()
        grant = self._grant
        if grant is None or grant.token.seconds_left(self._wall_clock()) < MIN_SECONDS_LEFT:
            return None
        return grant

    async def _read_grant(self) -> Grant | None:
        assert self._store is not None
        document = await self._store.read(GRANT, GrantDocument)
        if document is None or document.origin != self._origin:
            return None
        try:
            token = Token.parse(document.token.get_secret_value())
            token.check_times(self._wall_clock())
        except EdgemeetError:
            return None
        return Grant(token, document.meeting_id, document.name, document.metadata, document.create)

    async def keep_grant(self) -> None:
        """A meeting was joined with the last one: worth keeping over a restart."""
        grant = self._grant
        if self._store is None or grant is None:
            return
        metadata = None if grant.metadata is None else dict(grant.metadata)
        await self._store.keep(
            GRANT,
            GrantDocument(
                origin=self._origin,
                token=SecretStr(grant.token.reveal()),
                meeting_id=grant.meeting_id,
                name=grant.name,
                metadata=metadata,
                create=grant.create,
            ),
        )

    async def forget_grant(self) -> None:
        """The last one was refused; neither this process nor the next uses it again."""
        self._grant, self._grant_read = None, True
        if self._store is not None:
            await self._store.forget(GRANT)

    async def meeting(self, custom_id: str | None) -> str | None:
        """The meeting that this device made with this custom id, if it has made one."""
        if not self._meeting_read:
            self._meeting_read = True
            assert self._store is not None
            document = await self._store.read(MEETING, MeetingDocument)
            if document is not None and document.origin == self._origin:
                self._meeting = document
        known = self._meeting
        return known.meeting_id if known is not None and known.custom_id == custom_id else None

    async def keep_meeting(self, meeting_id: str, custom_id: str | None) -> None:
        """It was made by this device."""
        document = MeetingDocument(origin=self._origin, meeting_id=meeting_id, custom_id=custom_id)
        self._meeting, self._meeting_read = document, True
        if self._store is not None:
            await self._store.keep(MEETING, document)

    async def forget_meeting(self) -> None:
        """It is not there any more."""
        self._meeting, self._meeting_read = None, True
        if self._store is not None:
            await self._store.forget(MEETING)
