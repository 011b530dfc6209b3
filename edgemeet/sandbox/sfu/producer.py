"""A producer: the encodings that one client sends, and the consumers that they go to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.codec_matching import apt, is_rtx
from edgemeet.ortc.consuming import payload_type_map
from edgemeet.ortc.header_extensions import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_WIDE_CC,
)
from edgemeet.ortc.parameters import RtpCapabilities, RtpParameters
from edgemeet.sandbox.sfu.consumer import Consumer, Incoming
from edgemeet.sandbox.sfu.encoding import ReceivedEncoding
from edgemeet.sandbox.sfu.packet import RtpView, unwrap_rtx
from edgemeet.sandbox.sfu.sequence import Arrival
from edgemeet.sandbox.sfu.transport import MediaTransport

_LEVEL_DECAY: Final = 0.9  # per packet of 20 ms: half of it is gone after 130 ms


@dataclass(eq=False)
class Producer:
    """What a client sends as one track.

    Attributes:
        on_first_packet: called once, with the monotonic time of its arrival.
        loudness: smoothed audio level, 0 (silence) to 127 (loudest), from RFC 6464.
    """

    peer_id: str
    kind: Kind
    parameters: RtpParameters
    app_data: dict[str, JsonValue]
    transport: MediaTransport
    encodings: tuple[ReceivedEncoding, ...]
    payload_types: dict[int, int]
    on_first_packet: Callable[[Producer, float], None]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    paused: bool = False
    consumers: list[Consumer] = field(default_factory=list)
    loudness: float = 0.0
    nacks_sent: int = 0
    _repairs: dict[int, int] = field(default_factory=dict)  # RTX payload type -> the one it repairs
    _extension_uris: dict[int, str] = field(default_factory=dict)
    _number_id: int | None = None
    _started: bool = False

    def __post_init__(self) -> None:
        self._repairs = {
            codec.payload_type: repaired
            for codec in self.parameters.codecs
            if is_rtx(codec) and (repaired := apt(codec)) is not None
        }
        self._extension_uris = {each.id: each.uri for each in self.parameters.header_extensions}
        wanted = {(f.type, f.parameter) for codec in self.parameters.codecs for f in codec.rtcp_feedback}
        self._takes_nack = ("nack", "") in wanted
        if ("transport-cc", "") in wanted:
            numbers = {each.uri: each.id for each in self.parameters.header_extensions}
            self._number_id = numbers.get(TRANSPORT_WIDE_CC)

    @property
    def takes_nack(self) -> bool:
        """True when lost packets may be asked for."""
        return self._takes_nack

    @property
    def mime_type(self) -> str:
        """The media codec."""
        return self.parameters.codecs[0].mime_type

    @property
    def takes_transport_feedback(self) -> bool:
        """True when it numbers its packets and wants to be told which of them arrived."""
        return self._number_id is not None

    def transport_number(self, packet: RtpView) -> int | None:
        """The packet's number of transport-wide congestion control, where it has one."""
        if self._number_id is None:
            return None
        value = packet.extensions().get(self._number_id, b"")
        return int.from_bytes(value, "big") if len(value) == 2 else None

    def claim(self, packet: RtpView) -> ReceivedEncoding | None:
        """The encoding that a packet with an unknown SSRC belongs to, by its stream id or its mid."""
        named = {
            self._extension_uris[identifier]: value.rstrip(b"\0").decode("ascii", "replace")
            for identifier, value in packet.extensions().items()
            if identifier in self._extension_uris
        }
        for encoding in self.encodings:
            if encoding.rid is not None:
                if named.get(RTP_STREAM_ID) == encoding.rid and encoding.ssrc is None:
                    encoding.ssrc = packet.ssrc
                    return encoding
                if named.get(REPAIRED_RTP_STREAM_ID) == encoding.rid and encoding.rtx_ssrc is None:
                    encoding.rtx_ssrc = packet.ssrc
                    return encoding
            elif encoding.ssrc is None and self.parameters.mid and named.get(MID) == self.parameters.mid:
                encoding.ssrc = packet.ssrc
                return encoding
        return None

    def receive(self, encoding: ReceivedEncoding, packet: RtpView, now: float) -> None:
        """Take a packet of one of the encodings and hand it to the consumers."""
        retransmitted = packet.ssrc == encoding.rtx_ssrc
        if retransmitted:
            original = self._unwrap(encoding, packet)
            if original is None:
                return
            packet = original
        payload_type = self.payload_types.get(packet.payload_type)
        if payload_type is None or packet.payload_type in self._repairs:
            return
        arrival = encoding.receive(packet, now, retransmitted=retransmitted)
        if arrival is Arrival.DUPLICATE:
            return
        if not self._started:
            self._started = True
            self.on_first_packet(self, now)
        values = {
            uri: value
            for identifier, value in packet.extensions().items()
            if (uri := self._extension_uris.get(identifier))
        }
        if self.kind == "audio":
            self._hear(values)
        if self.paused:
            return
        is_keyframe = self.kind == "video" and encoding.is_keyframe_start(packet)
        incoming = Incoming(encoding, packet, payload_type, values, is_keyframe)
        for consumer in self.consumers:
            consumer.receive(incoming, now)

    def _unwrap(self, encoding: ReceivedEncoding, packet: RtpView) -> RtpView | None:
        repaired = self._repairs.get(packet.payload_type)
        if repaired is None or encoding.ssrc is None:
            return None
        return unwrap_rtx(packet, payload_type=repaired, ssrc=encoding.ssrc)

    def _hear(self, values: dict[str, bytes]) -> None:
        level = values.get(AUDIO_LEVEL)
        if level:
            loudness = 127 - (level[0] & 0x7F)
            self.loudness = max(float(loudness), self.loudness * _LEVEL_DECAY)

    def steer(self, now: float) -> None:
        """Let the consumers choose their layer anew, since encodings come and go."""
        for consumer in self.consumers:
            consumer.choose_layer(now)


def make_producer(
    *,
    peer_id: str,
    kind: Kind,
    parameters: RtpParameters,
    app_data: dict[str, JsonValue],
    transport: MediaTransport,
    router: RtpCapabilities,
    taken_ssrcs: Iterable[int],
    on_first_packet: Callable[[Producer, float], None],
    now: float,
) -> Producer:
    """A producer for checked parameters.

    Raises:
        ProtocolMismatch: the router does not take them; `protocol.unsupported_codec`, or
            `protocol.parameters` for encodings without SSRC and stream id, or with one that is in use.
    """
    mapping = payload_type_map(parameters, router)
    media = next((codec for codec in parameters.codecs if not is_rtx(codec)), None)
    if media is None or media.mime_type.partition("/")[0].lower() != kind:
        raise _unfit(f"codecs must hold one of kind {kind}")
    encodings = _encodings(parameters, media.mime_type, media.clock_rate, now)
    _check_ssrcs(encodings, set(taken_ssrcs))
    return Producer(
        peer_id=peer_id,
        kind=kind,
        parameters=parameters,
        app_data=app_data,
        transport=transport,
        encodings=encodings,
        payload_types=mapping,
        on_first_packet=on_first_packet,
    )


def _encodings(
    parameters: RtpParameters, mime_type: str, clock_rate: int, now: float
) -> tuple[ReceivedEncoding, ...]:
    if not parameters.encodings:
        raise _unfit("encodings must hold at least one")
    for encoding in parameters.encodings:
        if encoding.ssrc is None and encoding.rid is None and not parameters.mid:
            raise _unfit("each of encodings must have an ssrc or a rid")
    return tuple(
        ReceivedEncoding(
            index=index,
            mime_type=mime_type,
            clock_rate=clock_rate,
            ssrc=encoding.ssrc,
            rtx_ssrc=encoding.rtx.ssrc if encoding.rtx else None,
            rid=encoding.rid,
            now=now,
        )
        for index, encoding in enumerate(parameters.encodings)
    )


def _check_ssrcs(encodings: tuple[ReceivedEncoding, ...], taken: set[int]) -> None:
    for ssrc in (ssrc for encoding in encodings for ssrc in (encoding.ssrc, encoding.rtx_ssrc)):
        if ssrc is None:
            continue
        if ssrc in taken:
            raise _unfit(f"ssrc {ssrc} is in use on this transport")
        taken.add(ssrc)


def _unfit(problem: str) -> ProtocolMismatch:
    return ProtocolMismatch(f"rtpParameters cannot be used: {problem}", code="protocol.parameters")
