"""What happens in a meeting, for whoever keeps this device in it."""

from __future__ import annotations

from dataclasses import dataclass

from edgemeet.encoded import Kind
from edgemeet.errors import EdgemeetError


@dataclass(frozen=True, slots=True)
class Peer:
    """Another participant."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """A participant came. Those who were there before are in the roster and have no event."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """A participant went."""

    peer: Peer


@dataclass(frozen=True, slots=True)
class MuteRequested:
    """A host turned this device's sound or picture off. It was told yes; do it."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class UnmuteRequested:
    """A host asks for this device's sound or picture."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class ProducerScore:
    """How well the server receives a producer: 0 to 10 for each encoding, in the server's order."""

    producer_id: str
    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RoomSwitchRequested:
    """The server wants this participant in another meeting. Nothing was done about it."""

    meeting_id: str


@dataclass(frozen=True, slots=True)
class ServerComplained:
    """The server sent an error that does not end the session by itself."""

    error: EdgemeetError


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """Somebody published a text at a topic that is subscribed to."""

    topic: str
    sender_id: str
    text: str


MeetingEvent = (
    PeerJoined
    | PeerLeft
    | MuteRequested
    | UnmuteRequested
    | ProducerScore
    | RoomSwitchRequested
    | ServerComplained
    | MessageReceived
)
