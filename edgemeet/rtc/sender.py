"""What is sent of one device: takes access units, answers the receiver's feedback."""

from __future__ import annotations

import logging
import random as random_module
import time
from collections.abc import Callable, Sequence

from edgemeet.encoded import AccessUnit, Kind
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc import rtcp
from edgemeet.rtc.formats import Formats
from edgemeet.rtc.layers import Layers
from edgemeet.rtc.pacer import READY_BACKLOG, QueuedFrame
from edgemeet.rtc.path import PacketPath
from edgemeet.rtc.stats import Progress, SenderStats
from edgemeet.rtc.stream import SendStream
from edgemeet.rtc.timestamps import AudioTimestamps
from edgemeet.rtc.transport_cc import TransportFeedback

logger = logging.getLogger(__name__)

# Seconds that libx264 needs until its keyframes have the size of a new rate.
_RESTART_AFTER = 0.3


class Sender:
    """Sends the access units of one device over a transport. All calls return at once.

    Args:
        transport: carries the packets; the sender registers with it.
        parameters: as produced, one SSRC per encoding.
        kind: "audio" or "video".
        request_keyframe: called with a layer whose next picture must be a keyframe, at most twice a second.
        set_bitrate: called with a layer and the bits per second that its encoder is to aim at.
        set_active: called with a layer and whether it is to be encoded; all are at first.
        clock: seconds, monotonic, the clock that access units are stamped with.
        random: for the beginnings of sequence numbers and timestamps.

    Raises:
        ValueError: parameters that cannot be sent with: an unknown codec, an encoding without SSRC.
    """

    def __init__(
        self,
        transport: PacketPath,
        parameters: RtpParameters,
        kind: Kind,
        *,
        request_keyframe: Callable[[int], None],
        set_bitrate: Callable[[int, int], None],
        set_active: Callable[[int, bool], None] = lambda layer, active: None,
        clock: Callable[[], float] = time.monotonic,
        random: random_module.Random | None = None,
    ) -> None:
        self.kind = kind
        self.paused = False
        self._transport = transport
        self._formats = Formats.of(parameters, kind)
        self._cname = parameters.rtcp.cname or ""
        self._request_keyframe = request_keyframe
        self._clock = clock
        self._stopped = False
        self._error_logged = False
        rng = random or random_module.Random()
        self._streams = tuple(
            SendStream(layer, self._formats, encoding, parameters, transport, random=rng)
            for layer, encoding in enumerate(parameters.encodings)
        )
        self._layers = Layers(self._streams, kind, set_bitrate=set_bitrate, set_active=set_active)
        self._by_ssrc = {stream.ssrc: stream for stream in self._streams}
        transport.add(self)
        self._layers.tell_encoders()
        transport.targets_changed()

    # Sending

    def send(self, unit: AccessUnit) -> None:
        """Put an access unit into packets and hand them to the pacer.

        It is dropped while the sender is paused or the transport is not connected, and while its layer has
        not begun with a keyframe, which is then asked for. Never raises; errors are counted, the first one
        is logged.
        """
        if self._stopped:
            return
        stream = self._streams[unit.layer] if 0 <= unit.layer < len(self._streams) else None
        if stream is None:
            self._streams[0].counters.dropped += 1
            return
        try:
            taken = self._send(stream, unit)
        except Exception:
            stream.counters.errors += 1
            taken = False
            if not self._error_logged:
                self._error_logged = True
                logger.exception("a %s access unit could not be sent; later ones are only counted", self.kind)
        if not taken:
            stream.counters.dropped += 1
        self._ask_for_keyframe(stream, self._clock())

    def _send(self, stream: SendStream, unit: AccessUnit) -> bool:
        if self.paused or not self._transport.ready or not stream.active:
            stream.begun = self.kind == "audio"
            return False
        if not stream.begun and not unit.keyframe:
            stream.gate.ask()
            return False
        payloads = stream.packetizer.payloads(unit.data, keyframe=unit.keyframe)
        timestamp = stream.timestamps.next(unit.captured)
        frame = QueuedFrame(
            writer=stream,
            payloads=payloads,
            timestamp=timestamp,
            keyframe=unit.keyframe,
            marker=isinstance(stream.timestamps, AudioTimestamps) and stream.timestamps.gap,
            audio_level=None if unit.audio_level is None else min(max(unit.audio_level, 0), 127),
            size=sum(map(len, payloads)),
            captured=unit.captured,
        )
        pacer = self._transport.pacer
        if self.kind == "audio":
            pacer.offer_audio(frame)
        elif not pacer.offer_video(frame, self._clock()):
            stream.begun = False
            stream.gate.ask()
            return False
        elif unit.keyframe:
            stream.begun = True
            stream.gate.sent()
        self._transport.wake()
        return True

    def _ask_for_keyframe(self, stream: SendStream, now: float) -> None:
        if not stream.gate.wanted or self.kind != "video" or self.paused or not stream.active:
            return
        if now < stream.restart_at:
            return
        if self._transport.pacer.backlog(now) < READY_BACKLOG and stream.gate.due(now):
            self._request_keyframe(stream.layer)

    def pause(self) -> None:
        """Drop everything from now on."""
        self.paused = True
        for stream in self._streams:
            self._transport.pacer.forget(stream)

    def resume(self) -> None:
        """Send again, from the next keyframe on, which is asked for."""
        self.paused = False
        self._restart(self._streams)

    def _restart(self, streams: Sequence[SendStream]) -> None:
        if self.kind == "video":
            for stream in streams:
                stream.begun = False
                stream.gate.ask()
                self._ask_for_keyframe(stream, self._clock())

    def start_over(self, now: float) -> None:
        """The path has lost so much that repairs are in vain: the next thing sent is a keyframe.

        It is asked for a little later, when the encoder has found its new rate: at once it would be several
        times as large. What comes before it is not sent, so that queues on the way drain.
        """
        for stream in self._streams:
            if self.kind == "video" and stream.active:
                self._transport.pacer.discard(stream)
                stream.start_over(now + _RESTART_AFTER)

    async def stop(self) -> None:
        """Send no more. Nothing is left behind; a second call does nothing."""
        self._stopped = True
        self._transport.remove(self)
        for stream in self._streams:
            self._transport.pacer.forget(stream)

    # Feedback

    def owns(self, ssrc: int) -> bool:
        """Whether this is one of its media streams."""
        return ssrc in self._by_ssrc

    def receive(self, feedback: rtcp.Feedback, now: float) -> None:
        """Act on feedback, if it is about one of the own streams."""
        if isinstance(feedback, rtcp.BandwidthEstimate | TransportFeedback):
            return  # of the whole transport, which divides it
        stream = self._by_ssrc.get(feedback.ssrc)
        if stream is None:
            return
        match feedback:
            case rtcp.ReportBlock():
                stream.reception.receive(feedback, now, last_sequence=stream.last_sequence)
            case rtcp.Nack():
                stream.counters.nacks += 1
                self._repeat(stream, feedback.sequences, now)
            case rtcp.PictureLoss():
                stream.counters.plis += 1
                stream.gate.ask()
            case rtcp.FullIntraRequest():
                if feedback.number != stream.last_fir:
                    stream.last_fir = feedback.number
                    stream.counters.firs += 1
                    stream.gate.ask()
        self._ask_for_keyframe(stream, now)

    def _repeat(self, stream: SendStream, sequences: Sequence[int], now: float) -> None:
        for sequence in sequences:
            packet = stream.find_lost(sequence, now)
            if packet is not None:
                self._transport.pacer.offer_again(stream, packet)
            elif self.kind == "video" and stream.is_broken_by(sequence, now):
                # Viewers would find out, and ask: Chromium after three seconds without a picture.
                stream.gate.ask()
        self._transport.wake()

    def reports(self, now: float) -> bytes:
        """A compound RTCP packet with a sender report for each stream that has begun; empty for none."""
        begun = [stream for stream in self._streams if stream.first_sent is not None]
        if not begun:
            return b""
        ntp = self._transport.media_clock.ntp(now)
        return b"".join(stream.report(ntp, now, self._cname) for stream in begun)

    # Bandwidth

    @property
    def target_bitrate(self) -> int:
        """Bits per second of all encodings together."""
        return sum(stream.target for stream in self._streams)

    @property
    def packets_sent(self) -> int:
        """Packets of media, repetitions not counted."""
        return sum(stream.counters.packets for stream in self._streams)

    def repeated_bitrate(self, now: float) -> float:
        """Bits per second that repetitions have taken lately."""
        return sum(stream.repeated_bitrate(now) for stream in self._streams)

    @property
    def maximum_bitrate(self) -> int:
        """Bits per second of all encodings together when nothing is short."""
        return sum(stream.maximum for stream in self._streams)

    def wanted_bitrate(self, now: float) -> int:
        """Bits per second with which every layer that is watched has its most."""
        return self._layers.wanted_bitrate(now)

    @property
    def round_trip(self) -> float | None:
        """Seconds, the shortest of those last measured on each stream."""
        measured = [s.reception.round_trip for s in self._streams if s.reception.round_trip is not None]
        return min(measured, default=None)

    def hint_watched(self, layer: int, *, watched: bool) -> None:
        """The server said whether somebody watches `layer`. It stops being encoded after a delay."""
        self._layers.hint(layer, self._clock(), watched=watched)

    def divide(self, budget: int, now: float) -> int:
        """Take what the encodings can use of `budget`, in bits per second; answers how much that is.

        The lowest layer comes first. A layer that gets nothing is no longer encoded, and its return begins
        with a keyframe.
        """
        divided = self._layers.divide(budget, now)
        for stream in divided.off:
            self._transport.pacer.discard(stream)
        self._transport.targets_changed()
        self._restart(divided.returned)
        return divided.taken

    def next_return(self, now: float) -> int | None:
        """The budget at which the lowest missing layer returns; None when none is missing."""
        return self._layers.next_return(now)

    def padding(self, now: float) -> bytes | None:
        """A packet that only fills the path, as `PacketPath` probes it with; None when there is none."""
        packets = (stream.padding(now) for stream in reversed(self._streams) if stream.active)
        return next((packet for packet in packets if packet is not None), None)

    def progress(self) -> tuple[Progress, ...]:
        """How far each encoding has come."""
        now = self._clock()
        return tuple(stream.progress(now) for stream in self._streams)

    def stats(self) -> SenderStats:
        """A snapshot."""
        now = self._clock()
        return SenderStats(
            kind=self.kind,
            codec=self._formats.codec,
            paused=self.paused,
            encodings=tuple(stream.stats(now) for stream in self._streams),
        )
