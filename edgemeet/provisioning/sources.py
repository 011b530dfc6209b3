"""Token sources, and the two that need no network: a token from the settings, and one from a file."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue, SecretStr

from edgemeet.errors import AuthError
from edgemeet.provisioning.answer import CreateMeeting
from edgemeet.provisioning.token import MAX_LENGTH, Token


@dataclass(frozen=True, slots=True)
class Grant:
    """What a source hands out.

    Attributes:
        token: to join with.
        meeting_id: the meeting to join, if the source chose one.
        name: the name to show, if the source chose one.
        metadata: for the other participants, if the source has some.
        create: how the device shall create the meeting, if the source wants that.
    """

    token: Token
    meeting_id: str | None = None
    name: str | None = None
    metadata: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    create: CreateMeeting | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a provisioning server said last of this device, beside the token.

    Attributes:
        etag: of the answer; to ask whether it still holds.
        poll_after: seconds after which to ask; None is never.
        revoked: the device has to stay out.
        meeting_id, create: the meeting; neither means that none is assigned, or that the device chooses.
        name: the name to show.
        metadata: for the other participants.
        config: settings that take the place of the device's own, by table and key.
    """

    etag: str | None = None
    poll_after: float | None = None
    revoked: bool = False
    meeting_id: str | None = None
    create: CreateMeeting | None = None
    name: str | None = None
    metadata: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    config: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)


class TokenSource(Protocol):
    """Hands out tokens. What is handed out has been checked: a JWT, neither expired nor from the future."""

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """A token to join with. Raises an :class:`~edgemeet.errors.EdgemeetError`."""
        ...

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """A token for the rooms API. Raises an :class:`~edgemeet.errors.EdgemeetError`."""
        ...


class StaticToken:
    """The token that stands in the settings.

    Fetching raises AuthError once it has expired, and then always: nobody renews it.
    """

    def __init__(self, token: SecretStr, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._token = token
        self._wall_clock = wall_clock

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """The token, parsed and checked anew. Raises TokenMalformed, AuthError or ClockError."""
        token = Token.parse(self._token.get_secret_value())
        token.check_times(self._wall_clock())
        return Grant(token)

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """The same token."""
        return (await self.fetch(meeting_id=None, participant_id=participant_id)).token


class FileToken:
    """A token in a file, read anew for each join, so that another program may renew it."""

    def __init__(self, path: Path, *, wall_clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._wall_clock = wall_clock

    async def fetch(self, *, meeting_id: str | None, participant_id: str) -> Grant:
        """The file's token. Raises AuthError (``auth.token_file``), TokenMalformed or ClockError."""
        token = Token.parse(await asyncio.to_thread(self._read))
        token.check_times(self._wall_clock())
        return Grant(token)

    async def fetch_for_rooms(self, *, participant_id: str) -> Token:
        """The same token."""
        return (await self.fetch(meeting_id=None, participant_id=participant_id)).token

    def _read(self) -> str:
        try:
            with self._path.open("rb") as file:
                return file.read(MAX_LENGTH + 64).decode("ascii", "replace")  # one line end is no fault
        except OSError as error:
            raise AuthError(
                f"the token file {self._path} cannot be read: {error.strerror}", code="auth.token_file"
            ) from error
