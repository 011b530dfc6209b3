"""Which encoder a plan means."""

from __future__ import annotations

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceNotInstalled
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.plan import CameraPlan


def video_encoder(plan: CameraPlan, encoding: VideoEncoding) -> VideoEncoder:
    """An encoder for one layer of `plan`.

    Raises:
        DeviceNotInstalled: this machine or this version has no such encoder for the codec.
    """
    match plan.codec, plan.encoder:
        case "h264", "auto" | "x264":
            return X264Encoder(encoding)
        case "vp8", "auto" | "vpx":
            return VpxEncoder(encoding)
        case codec, encoder:
            raise DeviceNotInstalled(
                f'there is no encoder "{encoder}" for {codec} on this device',
                code="device.no_encoder",
                hint='set camera.encoder to "auto"',
            )
