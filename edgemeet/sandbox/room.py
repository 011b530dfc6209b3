"""A meeting: its participants, and what they learn of each other."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue

from edgemeet.errors import ProtocolMismatch
from edgemeet.sandbox.peer import Entry, Peer
from edgemeet.sandbox.peersocket import RequestRejected
from edgemeet.sandbox.pubsub import Topics
from edgemeet.sandbox.refusal import REASON_TEXTS, Code, LeaveReason
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.router import Router
from edgemeet.sandbox.speaker import SpeakerChoice

_log = logging.getLogger(__name__)

ACCEPT_TIMEOUT: Final = 15.0  # seconds for a participant to accept a consumer, as long as the vendor waits


class Room:
    """One meeting.

    Args:
        router: forwards this room's media.
        wall_clock: seconds since 1970, for the room's record.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        room_id: str,
        custom_id: str | None,
        router: Router,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.id = room_id
        self.custom_id = custom_id
        self.router = router
        self.clock = clock
        self.created = wall_clock()
        self.session_id = uuid.uuid4().hex
        self.disabled = False
        self.deny_next = 0
        self.peers: dict[str, Peer] = {}
        self.topics = Topics()
        self._speaker = SpeakerChoice()
        self._scores: dict[str, list[int]] = {}

    @property
    def joined(self) -> Iterator[Peer]:
        """The participants that are in."""
        return (peer for peer in self.peers.values() if peer.joined)

    def tell(self, method: str, data: dict[str, JsonValue], *, beside: Peer | None = None) -> None:
        """Notify everybody who is in, but not `beside`."""
        for peer in self.joined:
            if peer is not beside:
                peer.socket.notify(method, data)

    def connect(self, peer: Peer) -> None:
        """A participant's websocket is there. One with the same id has to go."""
        ghost = self.peers.get(peer.id)
        if ghost is not None:
            _log.info("participant %s joined again; the older one has to leave", peer.id)
            self.leave(ghost, LeaveReason.DUPLICATE, Code.DUPLICATE_PARTICIPANT)
        self.peers[peer.id] = peer

    def leave(self, peer: Peer, reason: LeaveReason, error: Code | None = None) -> None:
        """Take a participant out and tell the others; its socket is told why and closed. Idempotent."""
        if peer.gone:
            return
        peer.gone = True
        if self.peers.get(peer.id) is peer:
            del self.peers[peer.id]
        for producer in list(peer.producers.values()):
            self.close_producer(peer, producer)
        for consumer in list(peer.consumers.values()):
            self.router.close_consumer(consumer)
        peer.consumers.clear()
        if peer.joined:
            data: JsonValue = {"code": int(reason), "message": REASON_TEXTS[reason]}
            self.tell("peerClosed", {"peerId": peer.id, "reason": data})
        if peer.socket.is_open:
            peer.socket.expel(reason, error)

    def close(self, reason: LeaveReason = LeaveReason.ROOM_CLOSED) -> None:
        """End the meeting for everybody; the next one to join begins a new session."""
        for peer in list(self.peers.values()):
            self.leave(peer, reason)
        self.topics = Topics()
        self.session_id = uuid.uuid4().hex

    async def release(self, peer: Peer) -> None:
        """Free what a participant that left still holds."""
        await peer.stop_tasks()
        transports = list(peer.transports.values())
        peer.transports.clear()
        await asyncio.gather(*(self.router.close_transport(transport) for transport in transports))

    def enter(self, peer: Peer) -> list[Peer]:
        """Let an admitted participant in; returns those who were there before."""
        others = [other for other in self.joined if other is not peer]
        if not peer.joined:
            peer.joined = True
            self.tell("newPeer", peer.describe(), beside=peer)
        return others

    def open_producer(self, peer: Peer, producer: Producer) -> None:
        """Offer a new producer to the others."""
        peer.producers[producer.id] = producer
        self._tell_media_state(producer, on=not producer.paused)
        for other in list(self.joined):
            if other is not peer:
                self.offer(producer, other)

    def close_producer(self, peer: Peer, producer: Producer) -> None:
        """Close a producer and the consumers it had."""
        peer.producers.pop(producer.id, None)
        self._scores.pop(producer.id, None)
        for consumer in self.router.close_producer(producer):
            receiver = self.peers.get(consumer.peer_id)
            if receiver is not None and receiver.consumers.pop(consumer.id, None) is not None:
                receiver.socket.notify("consumerClosed", {"consumerId": consumer.id})
        self._tell_media_state(producer, on=False)

    def pause_producer(self, producer: Producer, *, paused: bool) -> None:
        """Pause or resume a producer and tell those who consume it."""
        if producer.paused == paused:
            return
        producer.paused = paused
        method = "consumerPaused" if paused else "consumerResumed"
        for consumer in producer.consumers:
            receiver = self.peers.get(consumer.peer_id)
            if receiver is not None:
                receiver.socket.notify(method, {"consumerId": consumer.id})
            if not paused and not consumer.paused:
                consumer.resume(self.clock())
        self._tell_media_state(producer, on=not paused)

    def offer_all(self, peer: Peer) -> None:
        """Offer a participant all that it does not consume yet."""
        consumed = {consumer.producer_id for consumer in peer.consumers.values()}
        for producer in list(self.router.producers.values()):
            if producer.peer_id != peer.id and producer.id not in consumed:
                self.offer(producer, peer)

    def offer(self, producer: Producer, peer: Peer) -> None:
        """Offer one producer to a participant that is in, receives, and can decode it."""
        transport = peer.receiving
        if not peer.joined or not peer.auto_consume or peer.mode == "SIGNALLING_ONLY" or transport is None:
            return
        try:
            consumer = self.router.consume(
                producer,
                transport,
                peer_id=peer.id,
                receiver=peer.capabilities,
                on_layers_changed=self._tell_layers,
            )
        except ProtocolMismatch:
            return
        peer.consumers[consumer.id] = consumer
        answer = peer.socket.begin_request("newConsumer", _consumer_offer(producer, consumer))
        peer.spawn(self._await_acceptance(peer, consumer, answer))

    async def _await_acceptance(
        self, peer: Peer, consumer: Consumer, answer: asyncio.Future[dict[str, JsonValue]]
    ) -> None:
        try:
            async with asyncio.timeout(ACCEPT_TIMEOUT):
                await answer
        except (RequestRejected, TimeoutError) as error:
            _log.debug("participant %s takes no %s: %s", peer.id, consumer.kind, error)
            peer.consumers.pop(consumer.id, None)
            self.router.close_consumer(consumer)
        else:
            if consumer.id in peer.consumers:
                consumer.resume(self.clock())

    def _tell_layers(self, consumer: Consumer, layer: int) -> None:
        peer = self.peers.get(consumer.peer_id)
        if peer is not None and consumer.kind == "video":
            layers: JsonValue = {"spatialLayer": layer, "temporalLayer": 0}
            peer.socket.notify(
                "consumerLayersChanged",
                {
                    "consumerId": consumer.id,
                    "spatialLayer": layer,
                    "temporalLayer": 0,
                    "layers": layers,
                },
            )

    def _tell_media_state(self, producer: Producer, *, on: bool) -> None:
        kind = producer.kind
        if producer.app_data.get("share"):
            state_kind = "share" if kind == "video" else "shareAudio"
        else:
            state_kind = kind
        self.tell(
            "participantMediaStateChanged", {"peerId": producer.peer_id, "kind": state_kind, "newState": on}
        )

    def tell_speaker(self, now: float) -> None:
        """Notify everybody when another participant has the floor. To be called a few times a second."""
        levels = {
            producer.peer_id: producer.loudness
            for producer in self.router.producers.values()
            if producer.kind == "audio" and not producer.paused
        }
        changed, speaker = self._speaker.update(levels, now)
        if changed:
            self.tell("activeSpeaker", {"peerId": speaker})

    def tell_scores(self, now: float) -> None:
        """Notify producers whose score changed. To be called about every second."""
        for producer in self.router.producers.values():
            scores = [encoding.score(now) for encoding in producer.encodings]
            peer = self.peers.get(producer.peer_id)
            if peer is None or self._scores.get(producer.id) == scores:
                continue
            self._scores[producer.id] = scores
            score: list[JsonValue] = [
                {"encodingIdx": each.index, "ssrc": each.ssrc, "rid": each.rid, "score": value}
                for each, value in zip(producer.encodings, scores, strict=True)
            ]
            peer.socket.notify("producerScore", {"producerId": producer.id, "score": score})

    def admit(self, peer: Peer, *, allowed: bool) -> None:
        """Answer a request for entry."""
        peer.entry = Entry.ALLOWED if allowed else Entry.DENIED
        answer: dict[str, JsonValue] = {
            "id": peer.id,
            "peerId": peer.id,
            "decision": "allowed" if allowed else "denied",
            "sessionId": self.session_id,
        }
        peer.socket.notify("entryResponded", answer)
        for host in self.hosts():
            if host is not peer:
                host.socket.notify("entryResponded", answer)

    def hosts(self) -> list[Peer]:
        """Those who may let others in."""
        return [peer for peer in self.joined if peer.claims.may_moderate]


def _consumer_offer(producer: Producer, consumer: Consumer) -> dict[str, JsonValue]:
    encodings: JsonValue = [encoding.to_wire() for encoding in producer.parameters.encodings]
    return {
        "peerId": producer.peer_id,
        "producerId": producer.id,
        "id": consumer.id,
        "kind": consumer.kind,
        "rtpParameters": consumer.parameters.to_wire(),
        "type": "simulcast" if len(producer.encodings) > 1 else "simple",
        # The vendor's SDKs read these two from there.
        "appData": {"encodings": encodings, **producer.app_data, "peerId": producer.peer_id},
        "producerPaused": producer.paused,
    }
