"""Real encoders, real ICE, DTLS and SRTP over loopback, real decoders."""

from __future__ import annotations

import asyncio
import cmath
import math
import random
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from struct import iter_unpack
from typing import TYPE_CHECKING

import av
import pytest
from aiortc.codecs.h264 import h264_depayload
from aiortc.codecs.vpx import vp8_depayload
from aiortc.rtp import RtcpPsfbPacket, RtcpRtpfbPacket, RtpPacket, unwrap_rtx

from edgemeet.encoded import AccessUnit, VideoCodec
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc import Sender, SendTransport

if TYPE_CHECKING:
    from tests.rtc.conftest import Encoder, Peer

MakeParameters = Callable[..., RtpParameters]


def decoded(codec: VideoCodec, packets: Iterable[RtpPacket]) -> list[bytes]:
    """The luma of every picture, in order of sequence numbers."""
    depayload = h264_depayload if codec == "h264" else vp8_depayload
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    pictures, unit = [], b""
    for packet in packets:
        unit += depayload(packet.payload)
        if packet.marker:
            pictures += [bytes(frame.planes[0]) for frame in decoder.decode(av.Packet(unit))]
            unit = b""
    return pictures + [bytes(frame.planes[0]) for frame in decoder.decode(None)]


class Camera:
    """Feeds a sender from an encoder, which makes keyframes when asked."""

    def __init__(self, transport: SendTransport, parameters: RtpParameters, encoder: Encoder) -> None:
        self.encoder = encoder
        self.asked: list[int] = []
        self.sender = Sender(
            transport, parameters, "video", request_keyframe=self._ask, set_bitrate=lambda *_: None
        )

    def _ask(self, layer: int) -> None:
        self.asked.append(layer)
        self.encoder.keyframe_wanted = True

    async def film(self, pictures: int, interval: float = 0.01) -> None:
        for _ in range(pictures):
            self.sender.send(self.encoder.next(time.monotonic()))
            await asyncio.sleep(interval)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
async def test_pictures_arrive_and_change(
    peer: Peer,
    transport: SendTransport,
    parameters: MakeParameters,
    encoder: type[Encoder],
    codec: VideoCodec,
) -> None:
    made = parameters(codec)
    camera = Camera(transport, made, encoder(codec))
    await camera.film(30)
    await peer.until(lambda: sum(packet.marker for packet in peer.packets) == 30)
    pictures = decoded(codec, peer.packets)
    assert len(pictures) == 30
    assert len(set(pictures)) == 30
    assert {packet.ssrc for packet in peer.packets} == {made.encodings[0].ssrc}
    assert {packet.extensions.mid for packet in peer.packets} == {"video"}
    assert all(packet.extensions.abs_send_time is not None for packet in peer.packets)
    (stats,) = camera.sender.stats().encodings
    assert (stats.frame_width, stats.frame_height) == (320, 180)
    assert (stats.frames_sent, stats.packets_sent) == (30, len(peer.packets))
    assert stats.bitrate > 0
    assert stats.frames_per_second > 0
    await camera.sender.stop()


async def test_picture_loss_makes_a_keyframe(
    peer: Peer, transport: SendTransport, parameters: MakeParameters, encoder: type[Encoder]
) -> None:
    made = parameters("h264")
    camera = Camera(transport, made, encoder("h264"))
    await camera.film(5)
    await peer.until(lambda: bool(peer.packets))
    before = camera.sender.stats().encodings[0].key_frames_sent
    ssrc = made.encodings[0].ssrc
    assert ssrc
    await peer.feed_back(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc))
    async with asyncio.timeout(5):
        while camera.sender.stats().encodings[0].key_frames_sent == before:
            await camera.film(1)
    assert camera.sender.stats().encodings[0].pli_count == 1
    await camera.sender.stop()


async def test_a_tenth_of_the_packets_lost_is_repaired(
    peer: Peer,
    transport: SendTransport,
    parameters: MakeParameters,
    encoder: type[Encoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgemeet.rtc.history.MAX_AGE", 30.0)  # a busy machine asks late
    made = parameters("h264")
    (encoding,) = made.encodings
    assert encoding.ssrc
    assert encoding.rtx
    rtx_ssrc = encoding.rtx.ssrc
    rng = random.Random(11)
    peer.lose = lambda packet: packet.ssrc == encoding.ssrc and rng.random() < 0.1
    camera = Camera(transport, made, encoder("h264", width=640, height=360))

    def received() -> dict[int, RtpPacket]:
        return {
            original.sequence_number: original
            for packet in peer.packets
            for original in [
                unwrap_rtx(packet, made.codecs[0].payload_type, encoding.ssrc or 0)
                if packet.ssrc == rtx_ssrc
                else packet
            ]
        }

    def sent() -> list[int]:
        count = camera.sender.stats().encodings[0].packets_sent
        last = camera.sender._streams[0].last_sequence
        return [(last - back) & 0xFFFF for back in reversed(range(count))]

    async with asyncio.TaskGroup() as group:
        filming = group.create_task(camera.film(60, interval=0.02))
        async with asyncio.timeout(20):
            while not filming.done() or set(sent()) - received().keys():
                await asyncio.sleep(0.03)
                if missing := sorted(set(sent()) - received().keys()):
                    await peer.feed_back(
                        RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=encoding.ssrc, lost=missing)
                    )
    stats = camera.sender.stats().encodings[0]
    assert stats.retransmitted_packets_sent > 5
    everything = received()
    assert len(set(decoded("h264", [everything[number] for number in sent()]))) == 60
    await camera.sender.stop()


async def test_a_tone_is_heard(peer: Peer, transport: SendTransport, parameters: MakeParameters) -> None:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.bit_rate = 32_000
    made = parameters(None)
    sender = Sender(transport, made, "audio", request_keyframe=lambda _: None, set_bitrate=lambda *_: None)
    begin = time.monotonic()
    for packet in range(50):
        samples = [
            round(12_000 * math.sin(2 * math.pi * 440 * (packet * 960 + n) / 48_000)) for n in range(960)
        ]
        frame = av.AudioFrame("s16", "mono", 960)
        frame.sample_rate, frame.pts, frame.time_base = 48_000, packet * 960, Fraction(1, 48_000)
        frame.planes[0].update(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
        for opus in encoder.encode(frame):
            sender.send(AccessUnit(0, begin + packet * 0.02, True, bytes(opus), audio_level=10))
        await asyncio.sleep(0.002)
    await peer.until(lambda: len(peer.packets) >= 49)
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    sound: list[int] = []
    for packet_ in peer.packets:
        for decoded_frame in decoder.decode(av.Packet(packet_.payload)):
            plane = bytes(decoded_frame.planes[0])[: decoded_frame.samples * 2]
            sound += [sample for (sample,) in iter_unpack("<h", plane)]
    heard = sound[9_600:33_600]  # half a second from the middle

    def power(frequency: float) -> float:
        return abs(sum(s * cmath.exp(-2j * math.pi * frequency * n / 48_000) for n, s in enumerate(heard)))

    assert max(range(430, 451, 2), key=power) == 440
    steps = {
        (b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in zip(peer.packets, peer.packets[1:], strict=False)
    }
    assert steps == {960}
    await sender.stop()
