"""What the server says on its own: its requests answered, its notifications turned into state and events."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from pydantic import ValidationError

from edgemeet.errors import EdgemeetError, Evicted, ProtocolMismatch, SignalingLost
from edgemeet.refusals import from_code, from_leave_reason
from edgemeet.signaling.events import (
    MeetingEvent,
    MessageReceived,
    MuteRequested,
    Peer,
    PeerJoined,
    PeerLeft,
    ProducerScore,
    RoomSwitchRequested,
    ServerComplained,
    UnmuteRequested,
)
from edgemeet.signaling.messages import (
    CloseRequest,
    EntryResponded,
    ErrorData,
    LeaveReason,
    PeerClosed,
    PeerData,
    ProducerScoreData,
    PubsubMessage,
)
from edgemeet.signaling.protoo import ErrorResponse, JsonObject, Notification, Request, Response

# How long an `error` notification may explain a connection that closes after it, in seconds.
COMPLAINT_EXPLAINS: Final = 10.0

# Notifications that are known and of no use to a device that only sends.
UNUSED: Final = frozenset(
    {
        "activeSpeaker",
        "agentMetrics",
        "agentStateChanged",
        "agentTranscript",
        "consumerClosed",
        "consumerLayersChanged",
        "consumerPaused",
        "consumerResumed",
        "entryRequested",
        "participantMediaStateChanged",
        "recordingStarted",
        "recordingStateChanged",
        "recordingStopped",
        "transcriptionStateChanged",
        "transcriptionText",
    }
)
_COUNTED_METHODS: Final = 64  # names that are told apart; a server could make up any number

_SWITCHES: Final[dict[str, MeetingEvent]] = {
    "disableMic": MuteRequested("audio"),
    "disableWebcam": MuteRequested("video"),
    "enableMic": UnmuteRequested("audio"),
    "enabledMic": UnmuteRequested("audio"),  # what the vendor's Python SDK listens for
    "enableWebcam": UnmuteRequested("video"),
}


class Inbox:
    """Deals with requests and notifications, one after the other. No I/O.

    Args:
        participant_id: this device's own.
        meeting_id: the one that is joined.
        on_event: called at once with every event; must not block and not raise.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        participant_id: str,
        meeting_id: str,
        on_event: Callable[[MeetingEvent], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._participant_id = participant_id
        self._meeting_id = meeting_id
        self._on_event = on_event
        self._clock = clock
        self._joined = False
        self._gone: set[str] = set()  # who left while the answer to `join` was on its way
        self._complaint: tuple[float, EdgemeetError] | None = None
        self.entry: EntryResponded | None = None
        self.entry_came = asyncio.Event()
        self.roster: dict[str, Peer] = {}
        self.ignored: Counter[str] = Counter()  # methods that were unknown or made no sense
        self._notifications: dict[str, Callable[[JsonObject], EdgemeetError | None]] = {
            "entryResponded": self._entry_responded,
            "error": self._error,
            "newPeer": self._new_peer,
            "peerClosed": self._peer_closed,
            "producerScore": self._producer_score,
            "pubsubMessage": self._pubsub_message,
        }

    def joined(self, peers: list[PeerData]) -> None:
        """The answer to `join` has come: from now on an `error` is not the end of the attempt."""
        self._joined = True
        present = {peer.id: _peer(peer) for peer in peers if peer.id not in self._gone}
        present.pop(self._participant_id, None)
        self.roster = present | self.roster
        self._gone.clear()

    def explain(self, loss: SignalingLost) -> EdgemeetError:
        """The server's last complaint, if it came just before the connection was lost; else the loss."""
        if self._complaint is not None and self._clock() - self._complaint[0] <= COMPLAINT_EXPLAINS:
            return self._complaint[1]
        return loss

    def on_request(self, request: Request) -> tuple[Response | ErrorResponse, EdgemeetError | None]:
        """The answer, and the error that ends the session, if the request does. Never silence."""
        method = request.method
        answer: Response | ErrorResponse = Response(request.id)
        ending = None
        if method in _SWITCHES:
            self._on_event(_SWITCHES[method])
        elif method == "newConsumer":
            answer = ErrorResponse(request.id, 403, "this device does not receive")
        elif method == "statsData":
            answer = Response(request.id, {"peerId": self._participant_id, "statsData": {}})
        elif method == "close":
            ending = _leave_error(request.data)
        elif method != "newDataConsumer":
            self._ignore(method)
            answer = ErrorResponse(request.id, 501, "this device does not know the method")
        return answer, ending

    def on_notification(self, notification: Notification) -> EdgemeetError | None:
        """The error that ends the session, if the notification does."""
        handle = self._notifications.get(notification.method)
        if handle is None:
            if notification.method not in UNUSED:
                self._ignore(notification.method)
            return None
        try:
            return handle(notification.data)
        except ValidationError:
            self._ignore(notification.method)
            return None

    def _ignore(self, method: str) -> None:
        known = method in self.ignored or len(self.ignored) < _COUNTED_METHODS
        self.ignored[method if known else "..."] += 1

    def _entry_responded(self, data: JsonObject) -> EdgemeetError | None:
        try:
            entry = EntryResponded.model_validate(data)
        except ValidationError:
            if self._joined:
                raise
            return ProtocolMismatch("entryResponded has no decision", code="protocol.entry")
        if not self._joined:
            self.entry = entry
            self.entry_came.set()
        elif entry.switching_room_id and entry.switching_room_id != self._meeting_id:
            self._on_event(RoomSwitchRequested(entry.switching_room_id))
        return None

    def _error(self, data: JsonObject) -> EdgemeetError | None:
        """Before `join` is answered any error is the answer. After it only an eviction ends the session.

        Media that works is not torn down for the rest. Should the connection close next, this was why.
        """
        wire = ErrorData.model_validate(data)
        error = from_code(wire.code, wire.message)
        if not self._joined or isinstance(error, Evicted):
            return error
        self._complaint = (self._clock(), error)
        self._on_event(ServerComplained(error))
        return None

    def _new_peer(self, data: JsonObject) -> None:
        peer = _peer(PeerData.model_validate(data))
        if peer.id == self._participant_id:
            return
        self._gone.discard(peer.id)
        self.roster[peer.id] = peer
        self._on_event(PeerJoined(peer))

    def _peer_closed(self, data: JsonObject) -> None:
        peer_id = PeerClosed.model_validate(data).peer_id
        if not self._joined:
            self._gone.add(peer_id)
        peer = self.roster.pop(peer_id, None)
        if peer is not None:
            self._on_event(PeerLeft(peer))

    def _pubsub_message(self, data: JsonObject) -> None:
        wire = PubsubMessage.model_validate(data)
        if isinstance(wire.message, str):  # the vendor's SDKs send texts
            self._on_event(MessageReceived(wire.topic, wire.sender_id, wire.message))

    def _producer_score(self, data: JsonObject) -> None:
        wire = ProducerScoreData.model_validate(data)
        self._on_event(ProducerScore(wire.producer_id, tuple(entry.score for entry in wire.score)))


def _peer(wire: PeerData) -> Peer:
    return Peer(wire.id, wire.display_name or "")


def _leave_error(data: JsonObject) -> EdgemeetError:
    try:
        reason = CloseRequest.model_validate(data).reason
    except ValidationError:
        reason = LeaveReason()  # whatever it says, it says close
    return from_leave_reason(reason.code, reason.message)
