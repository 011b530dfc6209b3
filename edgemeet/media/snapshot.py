"""One picture of a running camera as a JPEG, made in the capture process.

From the last picture of the camera; where the device encodes itself, from its last keyframe, which is as
old as the device's group of pictures is long.
"""

from __future__ import annotations

import logging
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange

from edgemeet.encoded import VideoCodec
from edgemeet.media import messages, wire
from edgemeet.media.outlet import Outlet
from edgemeet.media.sources.protocols import EncodedPicture, RawPicture

logger = logging.getLogger(__name__)

_QUALITY = 3  # libav's scale, 2 (best) to 31; about 150 kB at 1280x720
_COARSER = 12  # for the picture that is too large all the same


class Snapshots:
    """Answers the parent's requests for pictures."""

    def __init__(self, outlet: Outlet, codec: VideoCodec) -> None:
        self._outlet = outlet
        self._codec = codec
        self._keyframe: bytes | None = None
        self._wanted = False
        self._answer: bytes | None = None

    def request(self) -> None:
        """The next picture is wanted. Several requests before it are one."""
        self._wanted = True

    def see(self, picture: RawPicture | EncodedPicture) -> None:
        """A picture was captured and dealt with; makes the JPEG from it if it is wanted."""
        if isinstance(picture, EncodedPicture) and picture.keyframe:
            self._keyframe = picture.data
        if self._wanted and (isinstance(picture, RawPicture) or self._keyframe):
            self._wanted = False
            self._answer = wire.encode(messages.Snapshot(self._jpeg(picture)))
        # What is unread by the parent goes first; the answer waits for its turn.
        if self._answer is not None and self._outlet.offer(self._answer):
            self._answer = None

    def _jpeg(self, picture: RawPicture | EncodedPicture) -> bytes:
        """Empty when none can be made."""
        try:
            if isinstance(picture, RawPicture):
                return encode_jpeg(picture.frame)
            return encode_jpeg(decode_keyframe(self._keyframe or b"", self._codec))
        except (av.FFmpegError, ValueError) as error:
            logger.warning("no snapshot can be made: %s", error)
            return b""


def encode_jpeg(frame: av.VideoFrame) -> bytes:
    """The frame as a JPEG of at most `wire.MAX_UNIT` bytes; the frame is not changed.

    Raises:
        av.FFmpegError: it cannot be encoded.
    """
    jpeg = _encode(frame, _QUALITY)
    return jpeg if len(jpeg) < wire.MAX_UNIT else _encode(frame, _COARSER)


def _encode(frame: av.VideoFrame, quality: int) -> bytes:
    # JPEG has all 256 levels, video 16 to 235.
    full = frame.reformat(format="yuvj420p", dst_color_range=ColorRange.JPEG)
    full.pts, full.time_base = 0, Fraction(1, 1)
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = full.width, full.height
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 1)
    context.thread_count = 1
    context.options = {"qmin": str(quality), "qmax": str(quality)}
    return b"".join(bytes(packet) for packet in (*context.encode(full), *context.encode(None)))


def decode_keyframe(data: bytes, codec: VideoCodec) -> av.VideoFrame:
    """The picture of a keyframe.

    Raises:
        av.FFmpegError: it cannot be decoded.
        ValueError: it holds no picture.
    """
    context = av.CodecContext.create(codec, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    for frame in (*context.decode(av.Packet(data)), *context.decode(None)):
        return frame
    raise ValueError("the keyframe holds no picture")
