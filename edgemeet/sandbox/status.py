"""What `GET /sandbox/status` shows: rooms, participants, and the media that flows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.sandbox import Sandbox
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.encoding import ReceivedEncoding
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.transport import MediaTransport


class _Status(BaseModel):
    model_config = ConfigDict(frozen=True)


class EncodingStatus(_Status):
    """Bitrates in bits per second, times in seconds."""

    index: int
    ssrc: int | None
    rid: str | None
    packets: int
    bytes: int
    bitrate: int
    packets_lost: int
    fraction_lost: float
    recovered: int
    jitter: float
    keyframes: int
    keyframe_requests: int
    score: int


class ProducerStatus(_Status):
    """A track that a participant sends. `first_rtp_after` counts from its websocket's opening."""

    id: str
    kind: str
    codec: str
    paused: bool
    nacks_sent: int
    first_rtp_after: float | None
    encodings: tuple[EncodingStatus, ...]


class ConsumerStatus(_Status):
    """A track that a participant receives."""

    id: str
    producer_id: str
    kind: str
    paused: bool
    layer: int | None
    preferred_layer: int
    packets: int
    bytes: int
    bitrate: int
    nacks: int
    retransmitted: int
    keyframe_requests: int
    fraction_lost: float
    round_trip: float | None


class TransportStatus(_Status):
    """One of a participant's paths."""

    id: str
    producing: bool
    state: str
    bytes_received: int
    bytes_sent: int
    available_bitrate: int | None


class PeerStatus(_Status):
    """A participant."""

    id: str
    name: str
    mode: str
    entry: str
    joined: bool
    connected_for: float
    transports: tuple[TransportStatus, ...]
    producers: tuple[ProducerStatus, ...]
    consumers: tuple[ConsumerStatus, ...]


class RoomStatus(_Status):
    """A meeting."""

    id: str
    custom_id: str | None
    disabled: bool
    peers: tuple[PeerStatus, ...]


class SandboxStatus(_Status):
    """The whole sandbox."""

    schema_version: int = 1
    uptime: float
    rooms: tuple[RoomStatus, ...]


def sandbox_status(sandbox: Sandbox) -> SandboxStatus:
    """The state of now."""
    now = sandbox.clock()
    return SandboxStatus(
        uptime=round(now - sandbox.started, 3),
        rooms=tuple(_room(room, now) for room in sandbox.rooms),
    )


def _room(room: Room, now: float) -> RoomStatus:
    peers = tuple(_peer(peer, now) for peer in room.peers.values())
    return RoomStatus(id=room.id, custom_id=room.custom_id, disabled=room.disabled, peers=peers)


def _peer(peer: Peer, now: float) -> PeerStatus:
    return PeerStatus(
        id=peer.id,
        name=peer.name,
        mode=peer.mode,
        entry=peer.entry,
        joined=peer.joined,
        connected_for=round(now - peer.connected_at, 3),
        transports=tuple(_transport(transport) for transport in peer.transports.values()),
        producers=tuple(_producer(producer, peer, now) for producer in peer.producers.values()),
        consumers=tuple(_consumer(consumer, now) for consumer in peer.consumers.values()),
    )


def _transport(transport: MediaTransport) -> TransportStatus:
    return TransportStatus(
        id=transport.id,
        producing=transport.producing,
        state=transport.state,
        bytes_received=transport.bytes_received,
        bytes_sent=transport.bytes_sent,
        available_bitrate=transport.available_bitrate,
    )


def _producer(producer: Producer, peer: Peer, now: float) -> ProducerStatus:
    arrivals = [each.first_packet for each in producer.encodings if each.first_packet is not None]
    return ProducerStatus(
        id=producer.id,
        kind=producer.kind,
        codec=producer.mime_type,
        paused=producer.paused,
        nacks_sent=producer.nacks_sent,
        first_rtp_after=round(min(arrivals) - peer.connected_at, 4) if arrivals else None,
        encodings=tuple(_encoding(encoding, now) for encoding in producer.encodings),
    )


def _encoding(encoding: ReceivedEncoding, now: float) -> EncodingStatus:
    return EncodingStatus(
        index=encoding.index,
        ssrc=encoding.ssrc,
        rid=encoding.rid,
        packets=encoding.packets,
        bytes=encoding.bytes,
        bitrate=encoding.bitrate(now),
        packets_lost=encoding.packets_lost,
        fraction_lost=round(encoding.fraction_lost, 4),
        recovered=encoding.recovered,
        jitter=round(encoding.jitter, 5),
        keyframes=encoding.keyframes,
        keyframe_requests=encoding.keyframe_requests,
        score=encoding.score(now),
    )


def _consumer(consumer: Consumer, now: float) -> ConsumerStatus:
    return ConsumerStatus(
        id=consumer.id,
        producer_id=consumer.producer_id,
        kind=consumer.kind,
        paused=consumer.paused,
        layer=consumer.layer,
        preferred_layer=consumer.preferred_layer,
        packets=consumer.packets,
        bytes=consumer.bytes,
        bitrate=consumer.bitrate(now),
        nacks=consumer.nacks,
        retransmitted=consumer.retransmitted,
        keyframe_requests=consumer.keyframe_requests,
        fraction_lost=round(consumer.fraction_lost, 4),
        round_trip=consumer.round_trip,
    )
