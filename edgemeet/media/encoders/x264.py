"""H.264 through libx264: constrained baseline, no delay, a rate that changes in place."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction

import av
from av.packet import Packet
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceFailed
from edgemeet.media.encoders.protocols import Encoded

# AV_PKT_DATA_QUALITY_STATS of libavcodec/packet.h begins with a quantizer times FF_QP2LAMBDA of avutil.h.
_QUALITY = struct.Struct("<I")
_LAGRANGIANS = 118
_TOLD_EVERY = 5  # pictures; reading a quantizer takes as long as handing over the picture
_HEADROOM = 3  # x264 never goes above the rate it was opened with, and pictures that are fewer take more bits
GOP_SECONDS = 10  # receivers ask for keyframes themselves; this one is for those who cannot
# H.264 table A-1: level, macroblocks per second, macroblocks per frame.
_LEVELS = (
    ("3.1", 108_000, 3_600),
    ("3.2", 216_000, 5_120),
    ("4.0", 245_760, 8_192),
    ("4.2", 522_240, 8_704),
    ("5.1", 983_040, 36_864),
    ("5.2", 2_073_600, 36_864),
)


def level(width: int, height: int, fps: int) -> str:
    """The level to declare: 3.1, which profile-level-id 42e01f promises, or what a larger size needs."""
    macroblocks = ((width + 15) // 16) * ((height + 15) // 16)
    for name, per_second, per_frame in _LEVELS:
        if macroblocks <= per_frame and macroblocks * fps <= per_second:
            return name
    return _LEVELS[-1][0]


class X264Encoder:
    """One layer. Gives Annex B with SPS and PPS before every keyframe, one access unit per picture.

    Args:
        encoding: size and rates.
        overrides: options of libav's libx264 in the place of those chosen here, to measure with.

    Raises:
        DeviceFailed: libx264 refuses the size or rate.
    """

    name = "libx264"

    def __init__(self, encoding: VideoEncoding, *, overrides: Mapping[str, str] | None = None) -> None:
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height = encoding.width, encoding.height
        context.pix_fmt = "yuv420p"
        context.framerate = Fraction(encoding.fps)
        context.time_base = Fraction(1, encoding.fps)
        context.gop_size = GOP_SECONDS * encoding.fps
        context.max_b_frames = 0
        context.thread_count = 1  # more threads would mean more slices and more overhead on small devices
        context.bit_rate = _HEADROOM * encoding.max_bitrate
        context.options = {
            # The cheapest preset, with the deblocking that it leaves out: most of what separates it from
            # the next one at the same rate, for next to nothing (docs/performance.md, quality).
            "preset": "ultrafast",
            "deblock": "0:0",
            "tune": "zerolatency",
            "profile": "baseline",
            "level": level(encoding.width, encoding.height, encoding.fps),
            "forced-idr": "1",  # a requested keyframe is one that decoders can start at
            # Rate and ceiling alike mean constant bitrate, the only mode in which x264 follows a change of
            # the rate while running (x264_ratecontrol_init_reconfigurable). The buffer holds a quarter of a
            # second: with a whole one a rate that falls from 1.5 to 0.2 Mb/s is overshot by half a megabit,
            # and a keyframe right after that has 22 kB instead of 6.
            "maxrate": str(_HEADROOM * encoding.max_bitrate),
            "bufsize": str(encoding.max_bitrate // 4),
            **(overrides or {}),
        }
        try:
            context.open()
        except av.FFmpegError as error:
            raise DeviceFailed(f"libx264 does not take {encoding}", code="device.encoder_failed") from error
        context.bit_rate = encoding.max_bitrate
        self._context = context
        self._time_base = context.time_base  # PyAV makes a new one each time
        self._count = 0

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> list[Encoded]:
        frame.pts = self._count
        frame.time_base = self._time_base
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        self._count += 1
        try:
            packets = self._context.encode(frame)
        except av.FFmpegError as error:
            raise DeviceFailed("libx264 could not encode", code="device.encoder_failed") from error
        told = self._count % _TOLD_EVERY == 0
        return [
            Encoded(bytes(packet), packet.is_keyframe, quantizer=_quantizer(packet) if told else None)
            for packet in packets
        ]

    def set_bitrate(self, bits_per_second: int) -> None:
        # libavcodec compares this with what x264 has before every picture and calls
        # x264_encoder_reconfig on a difference: no new encoder, no keyframe, no new SPS.
        self._context.bit_rate = bits_per_second


def _quantizer(packet: Packet[VideoStream]) -> float | None:
    if not packet.has_sidedata("quality_stats"):
        return None
    (lagrangian,) = _QUALITY.unpack_from(packet.get_sidedata("quality_stats"))
    return float(lagrangian / _LAGRANGIANS)
