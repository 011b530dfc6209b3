"""VideoSDK's rooms API, with tokens that the server makes for itself."""

from __future__ import annotations

import httpx

from edgemeet.errors import EdgemeetError, MeetingNotFound, MeetingUnavailable
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.settings import ServerSettings
from edgemeet.provisioning import Room, Rooms, SignedToken


class VideoRooms:
    """Creates meetings and asks whether there are some.

    Args:
        settings: of the server.
        client: from `edgemeet.rest.new_client`.
    """

    def __init__(self, settings: ServerSettings, client: httpx.AsyncClient) -> None:
        self._signer = SignedToken(settings.api_key, settings.api_secret)
        self._rooms = Rooms(client, settings.api_url)

    async def create(self, custom_id: str | None) -> str:
        """The id of a new meeting, or of the one with ``custom_id``.

        Raises Refused ``rooms.unknown``, ``rooms.disabled`` or ``rooms.failed``.
        """
        try:
            return _usable(await self._rooms.create(self._signer.sign_rooms(), custom_id))
        except EdgemeetError as error:
            raise _refused(error) from None

    async def validate(self, meeting_id: str) -> str:
        """The id of the meeting with this id or custom id. Raises as `create`."""
        try:
            return _usable(await self._rooms.validate(self._signer.sign_rooms(), meeting_id))
        except EdgemeetError as error:
            raise _refused(error) from None


def _usable(room: Room) -> str:
    if room.disabled:
        raise MeetingUnavailable(f"the meeting {room.meeting_id} is disabled", code="meeting.disabled")
    return room.meeting_id


def _refused(error: EdgemeetError) -> Refused:
    if isinstance(error, MeetingNotFound):
        return Refused(404, "rooms.unknown", error.message)
    if isinstance(error, MeetingUnavailable):
        return Refused(409, "rooms.disabled", error.message)
    return Refused(502, "rooms.failed", error.message)
