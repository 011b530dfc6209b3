"""H.264 through an encoder of the machine's own, by way of Video4Linux and libav's h264_v4l2m2m.

Waits for hardware: no machine with such an encoder was at hand. It follows the kernel's documented interface
for stateful encoders (https://docs.kernel.org/userspace-api/media/v4l/dev-encoder.html) and libav's source,
libavcodec/v4l2_m2m_enc.c: a picture of type I sets V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, the header mode is
"separate", and times go through the driver untouched.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Protocol

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.stream import VideoStream

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceFailed, DeviceNotInstalled
from edgemeet.media.annexb import ParameterSets
from edgemeet.media.encoders.protocols import Encoded
from edgemeet.media.encoders.x264 import GOP_SECONDS
from edgemeet.media.sources.v4l2_ioctl import BITRATE, REPEAT_SEQ_HEADER, set_control

logger = logging.getLogger(__name__)

# libav's number for constrained baseline: 66 with constraint set 1, 512. Without one the driver picks, and a
# Pi's picks High, which receivers were not promised.
_CONSTRAINED_BASELINE = 578
_KEYFRAME_PATIENCE_SECONDS = 1  # of pictures; then the request is made again

SetControl = Callable[[int, int, int], None]


class Context(Protocol):
    """What is used of libav's encoder."""

    extradata: bytes | None

    def encode(self, frame: av.VideoFrame | None = None) -> list[Packet[VideoStream]]:
        """Take a picture, give those that are ready."""


OpenContext = Callable[[VideoEncoding], Context]


class V4l2M2mEncoder:
    """One layer. Gives Annex B with SPS and PPS before every keyframe.

    The driver works on several pictures at once, so what comes out is some pictures old (`Encoded.age`).

    Raises:
        DeviceNotInstalled: this machine has no such encoder.
    """

    name = "h264_v4l2m2m"

    def __init__(
        self,
        encoding: VideoEncoding,
        *,
        open_context: OpenContext | None = None,
        video_descriptors: Callable[[], set[int]] | None = None,
        set_control: SetControl = set_control,
    ) -> None:
        descriptors = video_descriptors or _video_descriptors
        before = descriptors()
        self._context = (open_context or _open)(encoding)
        # libav has no way to change a running encoder, but its controls belong to its open file.
        self._descriptor = next(iter(descriptors() - before), None)
        self._set_control = set_control
        self._sets = ParameterSets(self._context.extradata or b"")
        self._time_base = Fraction(1, encoding.fps)
        self._patience = _KEYFRAME_PATIENCE_SECONDS * encoding.fps
        self._count = 0
        self._asked_at: int | None = None  # the picture that was to be a keyframe and has not come out yet
        self._keeps_rate = False
        with suppress(OSError):  # if it cannot, we put them there
            self._control(REPEAT_SEQ_HEADER, 1)

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> list[Encoded]:
        frame.pts = self._count
        frame.time_base = self._time_base
        ask = keyframe and (self._asked_at is None or self._count - self._asked_at >= self._patience)
        frame.pict_type = PictureType.I if ask else PictureType.NONE
        if ask:
            self._asked_at = self._count
        self._count += 1
        try:
            packets = self._context.encode(frame)
        except av.FFmpegError as error:
            raise DeviceFailed(
                f"the encoder {self.name} could not encode", code="device.encoder_failed"
            ) from error
        return [encoded for packet in packets if (encoded := self._encoded(packet))]

    def set_bitrate(self, bits_per_second: int) -> None:
        try:
            self._control(BITRATE, bits_per_second)
        except OSError as error:
            if not self._keeps_rate:
                logger.warning("the encoder %s keeps its rate: %s", self.name, error.strerror)
            self._keeps_rate = True

    def _encoded(self, packet: Packet[VideoStream]) -> Encoded | None:
        complete = self._sets.complete(bytes(packet))
        if complete is None:
            return None
        data, keyframe = complete
        newest = self._count - 1
        number = newest if packet.pts is None else min(newest, max(0, packet.pts))
        if keyframe and self._asked_at is not None and number >= self._asked_at:
            self._asked_at = None
        return Encoded(data, keyframe, newest - number)

    def _control(self, control: int, value: int) -> None:
        if self._descriptor is None:
            raise OSError(0, "its file is not known")
        self._set_control(self._descriptor, control, value)


def _open(encoding: VideoEncoding) -> VideoCodecContext:
    try:
        context = av.CodecContext.create("h264_v4l2m2m", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = encoding.width, encoding.height
        context.pix_fmt = "yuv420p"
        context.framerate = Fraction(encoding.fps)
        context.time_base = Fraction(1, encoding.fps)
        context.gop_size = GOP_SECONDS * encoding.fps
        context.max_b_frames = 0
        context.bit_rate = encoding.max_bitrate
        context.options = {"profile": str(_CONSTRAINED_BASELINE)}
        context.open()
    except (av.FFmpegError, ValueError) as error:
        raise DeviceNotInstalled(
            'there is no encoder "v4l2m2m" on this device: Video4Linux knows none for H.264 at '
            f"{encoding.width}x{encoding.height}",
            code="device.no_encoder",
            hint='set camera.encoder to "auto"',
        ) from error
    return context


def _video_descriptors() -> set[int]:
    """The open files of this process under /dev/video*."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("/dev/video"):
                found.add(int(name))
    return found
