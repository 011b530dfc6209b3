"""Which encoders this machine has, found out by trying, once in a process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import av

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceError
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.v4l2m2m import V4l2M2mEncoder
from edgemeet.media.sources.v4l2_ioctl import CAPTURE_MPLANE, VideoDevice

logger = logging.getLogger(__name__)

# Where picamera2 looks for the encoder of the Pi 4 and older, and nowhere else.
PI_ENCODER = "/dev/video11"
_TRIAL = VideoEncoding(width=640, height=360, fps=30, max_bitrate=500_000)
_TRIAL_PICTURES = 16  # more than any driver keeps to itself


@cache
def v4l2m2m_works() -> bool:
    """Whether an H.264 encoder of the machine's own opens and encodes."""
    return works(V4l2M2mEncoder)


def works(make: Callable[[VideoEncoding], VideoEncoder]) -> bool:
    """Whether an encoder opens and gives a keyframe: some open and never give anything."""
    try:
        encoder = make(_TRIAL)
        for _ in range(_TRIAL_PICTURES):
            black = av.VideoFrame(_TRIAL.width, _TRIAL.height, "yuv420p")
            if any(encoded.keyframe for encoded in encoder.encode(black, keyframe=True)):
                return True
    except DeviceError as error:
        logger.debug("no encoder of the machine's own: %s", error.message)
    return False


def pi_encoder_is_there(open_device: Callable[[str], VideoDevice] = VideoDevice) -> bool:
    """Whether picamera2's H264Encoder finds its device; on a Pi 5 it is a software encoder instead."""
    try:
        with open_device(PI_ENCODER) as device:
            formats = device.formats(CAPTURE_MPLANE) if device.capability().converts else []
    except OSError:
        return False
    return any(entry.fourcc == "H264" for entry in formats)
