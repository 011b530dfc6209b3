"""What two sides have in common: from a router's capabilities to the parameters of a producer.

All pure. The consuming side, which the sandbox's router needs, is in `edgemeet.ortc.consuming`.
"""

from __future__ import annotations

import random as random_module
from collections.abc import Sequence

from edgemeet.encoded import Kind, VideoCodec, VideoEncoding
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.codec_matching import H264Profile, apt, h264_profile, is_rtx
from edgemeet.ortc.formats_sent import CODECS, EXTENSIONS, FEEDBACK, H264_PROFILES, OPUS_PARAMETERS, is_opus
from edgemeet.ortc.parameters import (
    RtcpFeedback,
    RtcpParameters,
    RtpCapabilities,
    RtpCodecCapability,
    RtpCodecParameters,
    RtpEncodingParameters,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
)


def send_parameters(
    router: RtpCapabilities,
    kind: Kind,
    *,
    codec: VideoCodec | None,
    encodings: Sequence[VideoEncoding],
    random: random_module.Random,
    cname: str,
    mid: str,
    audio_bitrate: int | None = None,
) -> RtpParameters:
    """The parameters to produce with: the router's payload types and extension ids, our SSRCs.

    Args:
        router: what the router can receive.
        kind: "audio" or "video".
        codec: the video codec; None for audio.
        encodings: the layers, lowest bitrate first; ignored for audio, which has one.
        random: where SSRCs come from.
        cname: names this endpoint, so that receivers keep its sound and picture in step.
        mid: names the stream within the transport.
        audio_bitrate: bits per second that sound takes at most; None leaves it open.

    Raises:
        ProtocolMismatch: the router does not take the codec (code protocol.no_common_codec).
    """
    wanted = "opus" if kind == "audio" else (codec or "h264")
    chosen = _router_codec(router, wanted)
    if chosen is None:
        raise _no_common_codec(router, kind, wanted)
    rtx = _router_rtx(router, chosen)
    return RtpParameters(
        mid=mid,
        codecs=tuple(_as_parameters(entry) for entry in (chosen, rtx) if entry is not None),
        header_extensions=tuple(
            RtpHeaderExtensionParameters(uri=extension.uri, id=extension.preferred_id)
            for extension in _common_extensions(router, kind)
        ),
        encodings=(
            _audio_encodings(audio_bitrate, random, has_rtx=rtx is not None)
            if kind == "audio"
            else _video_encodings(encodings, random, has_rtx=rtx is not None)
        ),
        rtcp=RtcpParameters(cname=cname, reduced_size=True, mux=True),
    )


def offered_video_codec(router: RtpCapabilities, preferred: VideoCodec) -> VideoCodec:
    """`preferred` if the router takes it, else the other one we can make.

    Raises:
        ProtocolMismatch: it takes neither (code protocol.no_common_codec).
    """
    candidates: tuple[VideoCodec, ...] = ("h264", "vp8") if preferred == "h264" else ("vp8", "h264")
    for candidate in candidates:
        if _router_codec(router, candidate) is not None:
            return candidate
    raise _no_common_codec(router, "video", " or ".join(candidates))


def receive_capabilities(router: RtpCapabilities) -> RtpCapabilities:
    """What we understand of what the router has, under its numbers: `rtpCapabilities` of join."""
    media = [entry for wanted in CODECS if (entry := _router_codec(router, wanted)) is not None]
    codecs = [entry for codec in media for entry in (codec, _router_rtx(router, codec)) if entry is not None]
    kinds: tuple[Kind, ...] = ("audio", "video")
    return RtpCapabilities(
        codecs=tuple(
            entry.model_copy(update={"rtcp_feedback": _common_feedback(entry.rtcp_feedback)})
            for entry in codecs
        ),
        header_extensions=tuple(
            extension for kind in kinds for extension in _common_extensions(router, kind)
        ),
    )


def _router_codec(router: RtpCapabilities, wanted: str) -> RtpCodecCapability | None:
    matching = [
        codec for codec in router.codecs if codec.preferred_payload_type is not None and CODECS[wanted](codec)
    ]
    if wanted == "h264":
        matching.sort(key=lambda codec: H264_PROFILES.index(h264_profile(codec) or H264Profile.BASELINE))
    return matching[0] if matching else None


def _router_rtx(router: RtpCapabilities, codec: RtpCodecCapability) -> RtpCodecCapability | None:
    for entry in router.codecs:
        if is_rtx(entry) and entry.kind == codec.kind and apt(entry) == codec.preferred_payload_type:
            return entry if entry.preferred_payload_type is not None else None
    return None


def _common_extensions(router: RtpCapabilities, kind: Kind) -> list[RtpHeaderExtension]:
    """Those we fill in and the router reads; `direction` is the router's view."""
    return [
        extension
        for extension in router.header_extensions
        if extension.kind in (kind, None)
        and extension.uri in EXTENSIONS[kind]
        and extension.direction in (None, "sendrecv", "recvonly")
    ]


def _common_feedback(feedback: Sequence[RtcpFeedback]) -> tuple[RtcpFeedback, ...]:
    return tuple(entry for entry in feedback if (entry.type, entry.parameter) in FEEDBACK)


def _as_parameters(codec: RtpCodecCapability) -> RtpCodecParameters:
    assert codec.preferred_payload_type is not None  # _router_codec and _router_rtx choose no others
    # Bitrate hints in a router's list are for browsers and name nothing of the format.
    parameters = {key: value for key, value in codec.parameters.items() if not key.startswith("x-google")}
    if is_opus(codec):
        parameters = dict(OPUS_PARAMETERS)
    return RtpCodecParameters(
        mime_type=codec.mime_type,
        payload_type=codec.preferred_payload_type,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        parameters=parameters,
        rtcp_feedback=_common_feedback(codec.rtcp_feedback),
    )


def _audio_encodings(
    bitrate: int | None, random: random_module.Random, *, has_rtx: bool
) -> tuple[RtpEncodingParameters, ...]:
    ssrcs = _distinct_ssrcs(random, 2)
    return (
        RtpEncodingParameters(
            ssrc=ssrcs[0],
            rtx=RtxParameters(ssrc=ssrcs[1]) if has_rtx else None,
            dtx=True,
            max_bitrate=bitrate,
        ),
    )


def _video_encodings(
    encodings: Sequence[VideoEncoding], random: random_module.Random, *, has_rtx: bool
) -> tuple[RtpEncodingParameters, ...]:
    if not encodings:
        raise ValueError("video needs at least one encoding")
    ssrcs = _distinct_ssrcs(random, 2 * len(encodings))
    simulcast = len(encodings) > 1
    return tuple(
        RtpEncodingParameters(
            ssrc=ssrcs[2 * index],
            rtx=RtxParameters(ssrc=ssrcs[2 * index + 1]) if has_rtx else None,
            scale_resolution_down_by=encoding.scale if simulcast else None,
            # No encoder here makes temporal layers; a router that believed in them would wait for them.
            scalability_mode="L1T1" if simulcast else None,
            max_bitrate=encoding.max_bitrate,
            max_framerate=encoding.fps,
        )
        for index, encoding in enumerate(encodings)
    )


def _distinct_ssrcs(random: random_module.Random, count: int) -> list[int]:
    return random.sample(range(1, 0xFFFFFFFF), count)


def _no_common_codec(router: RtpCapabilities, kind: Kind, wanted: str) -> ProtocolMismatch:
    offered = ", ".join(
        f"{codec.mime_type} {codec.parameters.get('profile-level-id', '')}".strip()
        for codec in router.codecs
        if codec.kind == kind and not is_rtx(codec)
    )
    return ProtocolMismatch(
        f"the meeting's media server takes no {wanted} {kind}; it takes: {offered or 'nothing'}",
        code="protocol.no_common_codec",
        hint="H.264 must be constrained baseline (profile-level-id 42e01f) with packetization-mode 1",
    )
