"""Which encoder a plan means."""

from __future__ import annotations

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceNotInstalled
from edgemeet.media.encoders import hardware
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.v4l2m2m import V4l2M2mEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.plan import CameraPlan


def video_encoder(plan: CameraPlan, encoding: VideoEncoding) -> VideoEncoder:
    """An encoder for one layer of `plan`. picamera2's is not among them: it is a part of its source.

    Raises:
        DeviceNotInstalled: this machine or this version has no such encoder for the codec.
    """
    match plan.codec, plan.encoder:
        case "h264", "auto":
            return _best_h264(encoding)
        case "h264", "x264":
            return X264Encoder(encoding)
        case "h264", "v4l2m2m":
            return V4l2M2mEncoder(encoding)
        case "vp8", "auto" | "vpx":
            return VpxEncoder(encoding)
        case codec, encoder:
            raise DeviceNotInstalled(
                f'there is no encoder "{encoder}" for {codec} on this device',
                code="device.no_encoder",
                hint='set camera.encoder to "auto"',
            )


def _best_h264(encoding: VideoEncoding) -> VideoEncoder:
    """The machine's own encoder where it works and takes this size, else libx264."""
    if hardware.v4l2m2m_works():
        try:
            return V4l2M2mEncoder(encoding)
        except DeviceNotInstalled:
            pass
    return X264Encoder(encoding)
