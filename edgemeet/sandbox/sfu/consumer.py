"""A consumer: one producer's media on its way to one client, as one stream."""

from __future__ import annotations

import random as random_module
import uuid
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from aiortc.rtp import RtcpReceiverInfo, RtcpSdesPacket, RtcpSenderInfo, RtcpSourceInfo, RtcpSrPacket

from edgemeet.encoded import Kind
from edgemeet.ortc.codec_matching import is_rtx
from edgemeet.ortc.header_extensions import ABS_SEND_TIME, AUDIO_LEVEL, MID
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.sandbox.sfu.encoding import ReceivedEncoding
from edgemeet.sandbox.sfu.history import History
from edgemeet.sandbox.sfu.packet import RtpView, build, extension_block, wrap_rtx
from edgemeet.sandbox.sfu.payload import Vp8Renumbering
from edgemeet.sandbox.sfu.reception import RateMeter
from edgemeet.sandbox.sfu.sequence import SequenceRewriter
from edgemeet.sandbox.sfu.timeline import TimestampRewriter, abs_send_time, middle_32
from edgemeet.sandbox.sfu.transport import MediaTransport

_SDES_CNAME: Final = 1
_MAX_REPORTS: Final = 8  # sender reports that an answer may still refer to


class Incoming(NamedTuple):
    """A producer's packet, looked at once for all consumers."""

    encoding: ReceivedEncoding
    packet: RtpView
    payload_type: int  # the router's
    extensions: dict[str, bytes]  # by URI
    is_keyframe: bool  # a decoder can start here


class Consumer:
    """Forwards what a client wants to have.

    Args:
        parameters: what the client was told: one encoding, its payload types and extension ids.
        encodings: the producer's, lowest first.
        on_layers_changed: called with the index of the encoding that is forwarded from now on.
    """

    def __init__(
        self,
        *,
        peer_id: str,
        producer_id: str,
        kind: Kind,
        parameters: RtpParameters,
        transport: MediaTransport,
        encodings: Sequence[ReceivedEncoding],
        on_layers_changed: Callable[[Consumer, int], None],
        random: random_module.Random,
    ) -> None:
        self.id = str(uuid.uuid4())
        self.peer_id = peer_id
        self.producer_id = producer_id
        self.kind = kind
        self.parameters = parameters
        self.transport = transport
        self.paused = True  # until the client has accepted it
        self.preferred_layer = len(encodings) - 1
        self.packets = 0
        self.bytes = 0
        self.retransmitted = 0
        self.nacks = 0
        self.keyframe_requests = 0
        self._encodings = encodings
        self._on_layers_changed = on_layers_changed
        self._current: ReceivedEncoding | None = None
        self._target: ReceivedEncoding | None = None
        self._synchronised = False
        media = parameters.codecs[0]
        self._clock_rate = media.clock_rate
        self._payload_types = {each.payload_type for each in parameters.codecs if not is_rtx(each)}
        self._renumbering = Vp8Renumbering() if media.mime_type.lower() == "video/vp8" else None
        self._rtx_payload_type = next((c.payload_type for c in parameters.codecs if is_rtx(c)), None)
        encoding = parameters.encodings[0]
        assert encoding.ssrc is not None
        self.ssrc: int = encoding.ssrc
        self.rtx_ssrc = encoding.rtx.ssrc if encoding.rtx else None
        self._extension_ids = {each.uri: each.id for each in parameters.header_extensions}
        self._mid = (parameters.mid or "").encode()
        self._sequences = SequenceRewriter(random.randrange(0x8000))
        self._rtx_sequence = random.randrange(0x8000)
        self._timestamps = TimestampRewriter(media.clock_rate)
        self._history = History() if kind == "video" else None
        self._rate = RateMeter()
        self._reports: dict[int, float] = {}
        self.fraction_lost = 0.0
        self.round_trip: float | None = None

    @property
    def layer(self) -> int | None:
        """The index of the encoding that is forwarded, None before the first packet."""
        return self._current.index if self._current else None

    def bitrate(self, now: float) -> int:
        """Forwarded bits per second, retransmissions included."""
        return self._rate.bits_per_second(now)

    def resume(self, now: float) -> None:
        """Start or go on. Video goes on with a keyframe, which is asked for."""
        self.paused = False
        self._synchronised = False
        self.choose_layer(now)
        self.request_keyframe()

    def pause(self) -> None:
        """Send nothing until `resume`."""
        self.paused = True
        self._synchronised = False

    def request_keyframe(self) -> None:
        """The client cannot decode: ask the producer for a keyframe of what it gets or is about to get."""
        self.keyframe_requests += 1
        wanted = self._target or self._current
        if self.kind == "video" and wanted is not None:
            wanted.want_keyframe()

    def prefer_layer(self, layer: int, now: float) -> None:
        """Forward this encoding, counted from the lowest, or the nearest one that is sent."""
        self.preferred_layer = max(0, min(layer, len(self._encodings) - 1))
        self.choose_layer(now)

    def choose_layer(self, now: float) -> None:
        """Aim at the best encoding that is sent: the preferred one, else a lower one, else a higher one."""
        alive = [each for each in self._encodings if each.is_alive(now)]
        lower = [each for each in alive if each.index <= self.preferred_layer]
        wanted = lower[-1] if lower else (alive[0] if alive else self._encodings[self.preferred_layer])
        if wanted is self._current:
            self._target = None
        elif wanted is not self._target:
            self._target = wanted
            if not self.paused and self.kind == "video":
                wanted.want_keyframe()

    def receive(self, incoming: Incoming, now: float) -> None:
        """Forward a packet, or not."""
        if self.paused or incoming.payload_type not in self._payload_types:
            return
        if self._current is None and self._target is None:
            self.choose_layer(now)
        first = self._begin(incoming, now)
        if incoming.encoding is not self._current or not self._synchronised:
            return
        packet = incoming.packet
        if packet.media_size <= 0:
            self._sequences.drop(packet.sequence)
            return
        sequence = self._sequences.rewrite(packet.sequence)
        if sequence is not None:
            self._forward(incoming, sequence, now, first=first)

    def _begin(self, incoming: Incoming, now: float) -> bool:
        """Start a stretch of the outgoing stream with this packet, if it can; True when another encoding
        begins with it.
        """
        encoding, packet = incoming.encoding, incoming.packet
        can_start = self.kind == "audio" or incoming.is_keyframe
        if not can_start or packet.media_size <= 0:
            return False
        if encoding is self._target:
            changed = self._current is not None
            self._current, self._target = encoding, None
            self._sequences.start(packet.sequence)
            self._timestamps.start(packet.timestamp, now, encoding.clock)
            self._synchronised = True
            self._on_layers_changed(self, encoding.index)
            return changed
        if encoding is self._current and not self._synchronised:
            self._sequences.start(packet.sequence)
            self._synchronised = True
        return False

    def _forward(self, incoming: Incoming, sequence: int, now: float, *, first: bool) -> None:
        packet = incoming.packet
        payload = packet.payload
        if self._renumbering is not None:
            payload = self._renumbering.rewrite(payload, first_of_stream=first)
        data = build(
            payload_type=incoming.payload_type,
            sequence=sequence,
            timestamp=self._timestamps.rewrite(packet.timestamp, now, incoming.encoding.clock),
            ssrc=self.ssrc,
            marker=packet.marker,
            padding=packet.padding,
            extension=self._extension(incoming.extensions, now),
            payload=payload,
        )
        if self._history is not None:
            self._history.add(sequence, data)
        self._send(data, now)

    def _extension(self, values: dict[str, bytes], now: float) -> bytes:
        ids = self._extension_ids
        items: list[tuple[int, bytes]] = []
        if self._mid and MID in ids:
            items.append((ids[MID], self._mid))
        if ABS_SEND_TIME in ids:
            items.append((ids[ABS_SEND_TIME], abs_send_time(now)))
        if AUDIO_LEVEL in ids and AUDIO_LEVEL in values:
            items.append((ids[AUDIO_LEVEL], values[AUDIO_LEVEL]))
        return extension_block(items)

    def _send(self, data: bytes, now: float) -> None:
        self.packets += 1
        self.bytes += len(data)
        self._rate.add(len(data), now)
        self.transport.send_rtp(data)

    def retransmit(self, sequences: Sequence[int], now: float) -> None:
        """Answer a NACK with what is still known."""
        self.nacks += 1
        if self._history is None:
            return
        for sequence in sequences:
            packet = self._history.take(sequence & 0xFFFF, now)
            if packet is None:
                continue
            self.retransmitted += 1
            if self._rtx_payload_type is not None and self.rtx_ssrc is not None:
                self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
                packet = wrap_rtx(
                    packet,
                    payload_type=self._rtx_payload_type,
                    sequence=self._rtx_sequence,
                    ssrc=self.rtx_ssrc,
                )
            self._send(packet, now)

    def sender_report(self, now: float) -> tuple[RtcpSrPacket, RtcpSdesPacket] | None:
        """The report that lets the client play sound and picture together.

        It carries the producer's own clock, so that all producers of one client stay in step.
        """
        if self.paused or self._current is None or self._current.clock is None or not self.packets:
            return None
        ntp, rtp = self._current.clock.at(now, self._clock_rate)
        self._reports[middle_32(ntp)] = now
        while len(self._reports) > _MAX_REPORTS:
            del self._reports[next(iter(self._reports))]
        info = RtcpSenderInfo(
            ntp_timestamp=ntp,
            rtp_timestamp=(rtp + self._timestamps.offset) & 0xFFFF_FFFF,
            packet_count=self.packets & 0xFFFF_FFFF,
            octet_count=self.bytes & 0xFFFF_FFFF,
        )
        cname = (self.parameters.rtcp.cname or self.producer_id).encode()[:255]
        chunk = RtcpSourceInfo(ssrc=self.ssrc, items=[(_SDES_CNAME, cname)])
        return RtcpSrPacket(ssrc=self.ssrc, sender_info=info), RtcpSdesPacket(chunks=[chunk])

    def receive_report(self, report: RtcpReceiverInfo, now: float) -> None:
        """What the client says about how the stream arrives."""
        self.fraction_lost = report.fraction_lost / 256
        sent = self._reports.get(report.lsr)
        if sent is not None:
            self.round_trip = max(0.0, now - sent - report.dlsr / 65536)
            self.transport.round_trip = self.round_trip
