"""Transports, producers and consumers."""

from __future__ import annotations

import logging
import uuid
from typing import Final

from pydantic import Field, JsonValue

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.parameters import DtlsParameters, RtpParameters, WireModel
from edgemeet.sandbox.methods.context import Context, Handler, Json, read
from edgemeet.sandbox.refusal import Refused
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.transport import MediaTransport

_log = logging.getLogger(__name__)

_MAX_TRANSPORTS: Final = 8  # per participant
_MAX_PRODUCERS: Final = 16


class _CreateTransport(WireModel):
    producing: bool = False
    consuming: bool = False
    sctp_capabilities: dict[str, JsonValue] | None = None


class _ConnectTransport(WireModel):
    transport_id: str
    dtls_parameters: DtlsParameters


class _Produce(WireModel):
    transport_id: str
    kind: Kind
    rtp_parameters: RtpParameters
    app_data: dict[str, JsonValue] = Field(default_factory=dict)
    paused: bool = False


class _OfTransport(WireModel):
    transport_id: str


class _OfProducer(WireModel):
    producer_id: str


class _OfConsumer(WireModel):
    consumer_id: str


class _PreferLayers(WireModel):
    consumer_id: str
    spatial_layer: int = Field(ge=0, le=16)
    temporal_layer: int | None = None  # nobody here makes temporal layers that could be left out


class _TransportStats(WireModel):
    peer_id: str | None = None


async def router_capabilities(context: Context, data: Json) -> Json:
    """What can be sent through the room."""
    return context.room.router.capabilities.to_wire()


async def create_transport(context: Context, data: Json) -> Json:
    """A transport to send with (producing) or to receive with."""
    request = read(_CreateTransport, data)
    peer = context.peer
    if request.producing == request.consuming:
        raise Refused(400, "exactly one of producing and consuming must be true")
    if len(peer.transports) >= _MAX_TRANSPORTS:
        raise Refused(429, f"a participant has at most {_MAX_TRANSPORTS} transports")
    try:
        transport, options = await context.room.router.create_transport(
            producing=request.producing, data=request.sctp_capabilities is not None
        )
    except OSError as error:
        raise Refused(500, f"no socket for the transport: {error.strerror}") from None
    if peer.gone:
        await context.room.router.close_transport(transport)
        raise Refused(410, "gone")
    peer.transports[transport.id] = transport
    if request.consuming:
        context.room.offer_all(peer)
    # The vendor's Python SDK reads sctpParameters whether there are any or not.
    return {"sctpParameters": None, **options.to_wire()}


async def connect_transport(context: Context, data: Json) -> Json:
    """Tell the client's DTLS side; the handshake follows."""
    request = read(_ConnectTransport, data)
    if not request.dtls_parameters.fingerprints:
        raise Refused(400, "dtlsParameters.fingerprints must hold at least one")
    _transport(context, request.transport_id).connect(request.dtls_parameters)
    return {}


async def restart_ice(context: Context, data: Json) -> Json:
    """Not done here: a transport that failed is replaced by a new one."""
    _transport(context, read(_OfTransport, data).transport_id)
    raise Refused(501, "the sandbox restarts no ICE; create a new transport")


async def produce(context: Context, data: Json) -> Json:
    """Begin to send a track."""
    context.require_joined()
    request = read(_Produce, data)
    room, peer = context.room, context.peer
    transport = _transport(context, request.transport_id)
    if peer.mode not in {"SEND_AND_RECV", "CONFERENCE"}:
        raise Refused(403, f"mode {peer.mode} sends nothing")
    if not transport.producing:
        raise Refused(400, "this transport is for receiving")
    if len(peer.producers) >= _MAX_PRODUCERS:
        raise Refused(429, f"a participant has at most {_MAX_PRODUCERS} producers")

    def log_first_packet(producer: Producer, now: float) -> None:
        seconds = now - peer.connected_at
        _log.info(
            "first RTP packet of %s from %s, %.3f s after its websocket",
            producer.kind,
            peer.id,
            seconds,
            extra={
                "event": "first_rtp",
                "peer_id": peer.id,
                "producer_id": producer.id,
                "kind": producer.kind,
                "seconds_since_connected": seconds,
            },
        )

    try:
        producer = room.router.produce(
            transport,
            peer_id=peer.id,
            kind=request.kind,
            parameters=request.rtp_parameters,
            app_data=request.app_data,
            on_first_packet=log_first_packet,
        )
    except ProtocolMismatch as error:
        raise Refused(400, error.message) from None
    producer.paused = request.paused
    room.open_producer(peer, producer)
    return {"id": producer.id}


async def close_producer(context: Context, data: Json) -> Json:
    """Stop sending a track."""
    context.room.close_producer(context.peer, _producer(context, data))
    return {}


async def pause_producer(context: Context, data: Json) -> Json:
    """Nothing is forwarded until resumeProducer."""
    context.room.pause_producer(_producer(context, data), paused=True)
    return {}


async def resume_producer(context: Context, data: Json) -> Json:
    """Undo pauseProducer."""
    context.room.pause_producer(_producer(context, data), paused=False)
    return {}


async def pause_consumer(context: Context, data: Json) -> Json:
    """Receive nothing until resumeConsumer."""
    _consumer(context, read(_OfConsumer, data).consumer_id).pause()
    return {}


async def resume_consumer(context: Context, data: Json) -> Json:
    """Undo pauseConsumer. A running consumer gets a keyframe: whoever asks was perhaps not ready before."""
    consumer = _consumer(context, read(_OfConsumer, data).consumer_id)
    if consumer.paused:
        consumer.resume(context.room.clock())
    else:
        consumer.request_keyframe()
    return {}


async def prefer_layers(context: Context, data: Json) -> Json:
    """Choose the encoding, lowest first."""
    request = read(_PreferLayers, data)
    _consumer(context, request.consumer_id).prefer_layer(request.spatial_layer, context.room.clock())
    return {}


async def request_keyframe(context: Context, data: Json) -> Json:
    """Ask for a picture to start with, as mediasoup's clients do."""
    _consumer(context, read(_OfConsumer, data).consumer_id).request_keyframe()
    return {}


async def transport_stats(context: Context, data: Json) -> Json:
    """How a participant's transports do: its own by default."""
    context.require_joined()
    request = read(_TransportStats, data)
    peer = context.other(request.peer_id) if request.peer_id else context.peer
    answer: Json = {"send": None, "recv": None}
    for transport in peer.transports.values():
        answer["send" if transport.producing else "recv"] = _stats(transport)
    return answer


def _stats(transport: MediaTransport) -> JsonValue:
    return {
        "id": transport.id,
        "dtlsState": transport.state,
        "bytesReceived": transport.bytes_received,
        "bytesSent": transport.bytes_sent,
        "rtt": None if transport.round_trip is None else round(transport.round_trip * 1000, 1),
        "availableBitrate": transport.available_bitrate,
    }


async def produce_data(context: Context, data: Json) -> Json:
    """Taken, and forwarded to nobody: the vendor's Python SDK does not join without its data channels."""
    context.require_joined()
    transport = _transport(context, read(_OfTransport, data).transport_id)
    if not transport.producing:
        raise Refused(400, "this transport is for receiving")
    return {"id": str(uuid.uuid4())}


def _transport(context: Context, transport_id: str) -> MediaTransport:
    transport = context.peer.transports.get(transport_id)
    if transport is None:
        raise Refused(404, "there is no such transport")
    return transport


def _producer(context: Context, data: Json) -> Producer:
    producer = context.peer.producers.get(read(_OfProducer, data).producer_id)
    if producer is None:
        raise Refused(404, "there is no such producer")
    return producer


def _consumer(context: Context, consumer_id: str) -> Consumer:
    consumer = context.peer.consumers.get(consumer_id)
    if consumer is None:
        raise Refused(404, "there is no such consumer")
    return consumer


MEDIA: dict[str, Handler] = {
    "getRouterRtpCapabilities": router_capabilities,
    "createWebRtcTransport": create_transport,
    "connectWebRtcTransport": connect_transport,
    "restartIce": restart_ice,
    "produce": produce,
    "closeProducer": close_producer,
    "pauseProducer": pause_producer,
    "resumeProducer": resume_producer,
    "pauseConsumer": pause_consumer,
    "resumeConsumer": resume_consumer,
    "setConsumerPreferredLayers": prefer_layers,
    "requestConsumerKeyFrame": request_keyframe,
    "getTransportStats": transport_stats,
    "produceData": produce_data,
}
