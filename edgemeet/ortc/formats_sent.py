"""What this device can send: its codecs, the feedback it acts on, the header extensions it fills in."""

from __future__ import annotations

from collections.abc import Callable

from edgemeet.encoded import Kind
from edgemeet.ortc.codec_matching import H264Profile, h264_profile, packetization_mode
from edgemeet.ortc.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    TRANSPORT_WIDE_CC,
)
from edgemeet.ortc.parameters import CodecParameterValue, RtpCodecCapability

# What the sender acts on. A router that offers both kinds of bandwidth feedback then gives the second.
FEEDBACK = frozenset({("nack", ""), ("nack", "pli"), ("ccm", "fir"), ("goog-remb", ""), ("transport-cc", "")})
EXTENSIONS: dict[Kind, tuple[str, ...]] = {
    "audio": (MID, ABS_SEND_TIME, TRANSPORT_WIDE_CC, ABS_CAPTURE_TIME, AUDIO_LEVEL),
    "video": (MID, ABS_SEND_TIME, TRANSPORT_WIDE_CC, ABS_CAPTURE_TIME),
}
# Our encoders make constrained baseline, which every baseline decoder takes; the best match first.
H264_PROFILES = (H264Profile.CONSTRAINED_BASELINE, H264Profile.BASELINE)
# As VideoSDK's own SDKs announce their sound.
OPUS_PARAMETERS: dict[str, CodecParameterValue] = {"useinbandfec": 1, "usedtx": 1}


def is_opus(codec: RtpCodecCapability) -> bool:
    return codec.mime_type.lower() == "audio/opus" and codec.clock_rate == 48000


def _is_vp8(codec: RtpCodecCapability) -> bool:
    return codec.mime_type.lower() == "video/vp8" and codec.clock_rate == 90000


def _is_h264(codec: RtpCodecCapability) -> bool:
    return (
        codec.mime_type.lower() == "video/h264"
        and codec.clock_rate == 90000
        and packetization_mode(codec) == 1
        and h264_profile(codec) in H264_PROFILES
    )


CODECS: dict[str, Callable[[RtpCodecCapability], bool]] = {
    "opus": is_opus,
    "h264": _is_h264,
    "vp8": _is_vp8,
}
