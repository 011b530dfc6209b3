"""Encoders beside each other, each as it is used: edgemeet's, and aiortc's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from aiortc.codecs.base import Encoder
from aiortc.codecs.h264 import H264Encoder, h264_depayload
from aiortc.codecs.vpx import Vp8Encoder, vp8_depayload
from av import VideoFrame

from edgemeet.encoded import VideoEncoding
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder

Encode = Callable[[VideoFrame], bytes]
Make = Callable[[VideoEncoding], Encode]


@dataclass(frozen=True, slots=True)
class Contender:
    """`make` opens an encoder for a size and rate; what it gives is called with each picture in turn."""

    name: str
    codec: Literal["h264", "vp8"]
    make: Make


def _x264(**overrides: str) -> Make:
    def make(encoding: VideoEncoding) -> Encode:
        encoder = X264Encoder(encoding, overrides=overrides)
        return lambda frame: b"".join(unit.data for unit in encoder.encode(frame, keyframe=False))

    return make


def _vpx(encoding: VideoEncoding) -> Encode:
    encoder = VpxEncoder(encoding)
    return lambda frame: b"".join(unit.data for unit in encoder.encode(frame, keyframe=False))


def _aiortc(make_encoder: Callable[[], Encoder], depayload: Callable[[bytes], bytes]) -> Make:
    def make(encoding: VideoEncoding) -> Encode:
        encoder = make_encoder()
        encoder.target_bitrate = encoding.max_bitrate
        count = 0

        def encode(frame: VideoFrame) -> bytes:
            nonlocal count
            frame.pts, frame.time_base = count, Fraction(1, encoding.fps)
            count += 1
            payloads, _ = encoder.encode(frame)
            return b"".join(map(depayload, payloads))

        return encode

    return make


WITHOUT_DEBLOCKING = _x264(**{"x264-params": "no-deblock=1"})
CONTENDERS = (
    Contender("edgemeet H.264", "h264", _x264()),
    Contender("the same without deblocking", "h264", WITHOUT_DEBLOCKING),
    Contender("the same with preset superfast", "h264", _x264(preset="superfast")),
    Contender("the same with preset veryfast", "h264", _x264(preset="veryfast")),
    Contender("edgemeet VP8", "vp8", _vpx),
    Contender("aiortc H.264", "h264", _aiortc(H264Encoder, h264_depayload)),
    Contender("aiortc VP8", "vp8", _aiortc(Vp8Encoder, vp8_depayload)),
)
