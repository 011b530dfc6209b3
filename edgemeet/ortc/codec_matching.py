"""When two descriptions of a codec mean the same, by mediasoup's rules.

mediasoup compares MIME type, clock rate and channels; for H.264 also the packetization mode and the
profile, for VP9 the profile. The H.264 level is not compared: a router passes it on.
"""

from __future__ import annotations

import re
from enum import StrEnum

from edgemeet.ortc.parameters import RtpCodecCapability, RtpCodecParameters

AnyCodec = RtpCodecCapability | RtpCodecParameters

# What RFC 6184 assumes where a description names no profile: Baseline, level 1.
_DEFAULT_PROFILE_LEVEL_ID = "42000a"


class H264Profile(StrEnum):
    """The profiles that WebRTC endpoints tell apart."""

    CONSTRAINED_BASELINE = "constrained baseline"
    BASELINE = "baseline"
    MAIN = "main"
    CONSTRAINED_HIGH = "constrained high"
    HIGH = "high"


# profile_idc, mask and value of the constraint flags (profile_iop); the first that fits counts.
# From RFC 6184, table 5, and ITU-T H.264, A.2.
_PROFILES = (
    (0x42, 0x4F, 0x40, H264Profile.CONSTRAINED_BASELINE),
    (0x4D, 0x8F, 0x80, H264Profile.CONSTRAINED_BASELINE),
    (0x58, 0xCF, 0xC0, H264Profile.CONSTRAINED_BASELINE),
    (0x42, 0x4F, 0x00, H264Profile.BASELINE),
    (0x58, 0xCF, 0x80, H264Profile.BASELINE),
    (0x4D, 0xAF, 0x00, H264Profile.MAIN),
    (0x64, 0xFF, 0x0C, H264Profile.CONSTRAINED_HIGH),
    (0x64, 0xFF, 0x00, H264Profile.HIGH),
)


def h264_profile(codec: AnyCodec) -> H264Profile | None:
    """The profile that `profile-level-id` names; None for one that WebRTC does not know."""
    text = str(codec.parameters.get("profile-level-id") or _DEFAULT_PROFILE_LEVEL_ID)
    if not re.fullmatch(r"[0-9a-fA-F]{6}", text):
        return None
    idc, iop = int(text[0:2], 16), int(text[2:4], 16)
    for profile_idc, mask, value, profile in _PROFILES:
        if idc == profile_idc and iop & mask == value:
            return profile
    return None


def packetization_mode(codec: AnyCodec) -> int:
    """How H.264 is cut into packets: 0 single NAL units, 1 also aggregated and fragmented ones."""
    return _number(codec.parameters.get("packetization-mode"), 0)


def apt(codec: AnyCodec) -> int | None:
    """The payload type whose packets this RTX codec repeats; None where it says none."""
    value = _number(codec.parameters.get("apt"), -1)
    return value if value >= 0 else None


def is_rtx(codec: AnyCodec) -> bool:
    """True for a retransmission format, which is no codec of its own."""
    return codec.mime_type.lower().endswith("/rtx")


def same_codec(one: AnyCodec, other: AnyCodec) -> bool:
    """True when packets of the one can be taken as packets of the other."""
    mime_type = one.mime_type.lower()
    if mime_type != other.mime_type.lower() or one.clock_rate != other.clock_rate:
        return False
    if mime_type.startswith("audio/") and (one.channels or 1) != (other.channels or 1):
        return False
    if mime_type == "video/h264":
        profile = h264_profile(one)
        return (
            profile is not None
            and profile == h264_profile(other)
            and packetization_mode(one) == packetization_mode(other)
        )
    if mime_type == "video/vp9":
        return _number(one.parameters.get("profile-id"), 0) == _number(other.parameters.get("profile-id"), 0)
    return True


def _number(value: str | float | bool | None, default: int) -> int:
    try:
        return int(value) if value is not None else default
    except (ValueError, OverflowError):
        return default
