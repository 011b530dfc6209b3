"""VP8 through libvpx, for rooms that ask for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceFailed
from edgemeet.media.encoders.protocols import Encoded
from edgemeet.media.encoders.speed import Speed
from edgemeet.media.encoders.x264 import GOP_SECONDS

# libavcodec's wrapper cannot change libvpx's rate or speed while it runs, so a change means a new encoder and
# a keyframe. Small changes are not worth one, and no more than one in this many seconds of pictures.
_WORTHWHILE = 0.15
_PATIENCE_SECONDS = 2
# libvpx has 0 to 63. A first picture at 63 is so coarse that a calm scene does not recover from it at
# 300 kb/s (SSIM 0.82 instead of 0.88); with libwebrtc's 56 a scene in motion has 480 kb/s for 300 asked for.
_QUANTIZERS = (2, 61)
# Per cent of `bufsize`: with less than that in hand a picture is left out, unless it is a keyframe. At its
# coarsest libvpx has half as much again as it is asked for in a scene that moves.
_DROPS_BELOW = 30


class VpxEncoder:
    """One layer of VP8.

    Args:
        encoding: size and rates.
        overrides: options of libav's libvpx in the place of those chosen here, to measure with.
        clock: seconds, monotonic.

    Raises:
        DeviceFailed: libvpx refuses the size or rate.
    """

    name = "libvpx"

    def __init__(
        self,
        encoding: VideoEncoding,
        *,
        overrides: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._encoding = encoding
        self._overrides = dict(overrides or {})
        self._clock = clock
        self._wanted = encoding.max_bitrate
        self._speed = Speed(encoding.fps)
        self._open()

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> list[Encoded]:
        if self._overtaken():
            self._open()
        frame.pts = self._count
        frame.time_base = self._time_base
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        self._count += 1
        began = self._clock()
        try:
            packets = self._context.encode(frame)
        except av.FFmpegError as error:
            raise DeviceFailed("libvpx could not encode", code="device.encoder_failed") from error
        self._speed.took(self._clock() - began)
        return [Encoded(bytes(packet), packet.is_keyframe) for packet in packets]

    def set_bitrate(self, bits_per_second: int) -> None:
        self._wanted = bits_per_second

    def _overtaken(self) -> bool:
        """Whether the running encoder is no longer what is wanted, enough to be worth a keyframe."""
        if self._count < _PATIENCE_SECONDS * self._encoding.fps:
            return False
        worthwhile = abs(self._wanted - self._rate) >= _WORTHWHILE * self._rate
        return worthwhile or self._speed.cpu_used != self._cpu_used

    def _open(self) -> None:
        self._rate, self._cpu_used = self._wanted, self._speed.cpu_used
        options = {"cpu-used": str(self._cpu_used)} | self._overrides
        self._context = _open(self._encoding, self._rate, options)
        self._time_base = self._context.time_base
        self._count = 0


def _open(encoding: VideoEncoding, bits_per_second: int, options: Mapping[str, str]) -> VideoCodecContext:
    context = av.CodecContext.create("libvpx", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = encoding.width, encoding.height
    context.pix_fmt = "yuv420p"
    context.framerate = Fraction(encoding.fps)
    context.time_base = Fraction(1, encoding.fps)
    context.gop_size = GOP_SECONDS * encoding.fps
    context.thread_count = 1
    context.bit_rate = bits_per_second
    context.qmin, context.qmax = _QUANTIZERS
    rate = str(bits_per_second)
    context.options = {
        "deadline": "realtime",
        "error-resilient": "default",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "drop-threshold": str(_DROPS_BELOW),
        "minrate": rate,  # all three alike: constant bitrate
        "maxrate": rate,
        "bufsize": rate,  # one second
        **options,
    }
    try:
        context.open()
    except av.FFmpegError as error:
        raise DeviceFailed(f"libvpx does not take {encoding}", code="device.encoder_failed") from error
    return context
