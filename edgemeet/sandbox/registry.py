"""The rooms that exist, by their ids; the rooms API's side of a room."""

from __future__ import annotations

import random as random_module
import re
import string
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue

from edgemeet.sandbox.room import Room

_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,128}")  # what needs no escaping in a URL
_MAX_ROOMS: Final = 10_000


def is_room_id(text: str) -> bool:
    """True for what may name a room."""
    return _ID.fullmatch(text) is not None


class RoomRegistry:
    """All rooms of a sandbox.

    Args:
        make_room: builds a room from its id and custom id.
    """

    def __init__(
        self,
        make_room: Callable[[str, str | None], Room],
        *,
        fixed: Iterable[str] = (),
        random: random_module.Random | None = None,
    ) -> None:
        self._make_room = make_room
        self._random = random or random_module.SystemRandom()
        self._rooms: dict[str, Room] = {}
        self._by_custom_id: dict[str, Room] = {}
        for room_id in fixed:
            self._rooms[room_id] = make_room(room_id, None)

    def __iter__(self) -> Iterator[Room]:
        return iter(self._rooms.values())

    def create(self, custom_id: str | None) -> Room:
        """A new room, or the one that has this custom id already.

        Raises:
            ValueError: the custom id is not URL-safe, or there are too many rooms.
        """
        if custom_id is not None:
            if not is_room_id(custom_id):
                raise ValueError("customRoomId must be 1 to 128 letters, digits or any of . _ ~ -")
            existing = self.find(custom_id)
            if existing is not None:
                return existing
        if len(self._rooms) >= _MAX_ROOMS:
            raise ValueError("too many rooms")
        room = self._make_room(self._new_id(), custom_id)
        self._rooms[room.id] = room
        if custom_id is not None:
            self._by_custom_id[custom_id] = room
        return room

    def find(self, room_id: str) -> Room | None:
        """The room with this id or custom id."""
        return self._rooms.get(room_id) or self._by_custom_id.get(room_id)

    def _new_id(self) -> str:
        while True:
            groups = ("".join(self._random.choices(string.ascii_lowercase, k=4)) for _ in range(3))
            room_id = "-".join(groups)
            if self.find(room_id) is None:
                return room_id


def room_json(room: Room, base_url: str) -> dict[str, JsonValue]:
    """A room as the rooms API shows it."""
    created = datetime.fromtimestamp(room.created, UTC).isoformat(timespec="milliseconds")
    return {
        "roomId": room.id,
        "customRoomId": room.custom_id,
        "userId": "sandbox",
        "disabled": room.disabled,
        "createdAt": created.replace("+00:00", "Z"),
        "updatedAt": created.replace("+00:00", "Z"),
        "id": room.id,
        "links": {
            "get_room": f"{base_url}/v2/rooms/{room.id}",
            "get_session": f"{base_url}/v2/sessions/",
        },
    }
