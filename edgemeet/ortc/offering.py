"""What this device offers where nobody has told it a router's capabilities: the first word of WHIP."""

from __future__ import annotations

from edgemeet.encoded import Kind, VideoCodec
from edgemeet.ortc.formats_sent import CODECS, EXTENSIONS, FEEDBACK, OPUS_PARAMETERS
from edgemeet.ortc.parameters import RtcpFeedback, RtpCapabilities, RtpCodecCapability, RtpHeaderExtension

# As browsers number them, which some servers take for granted.
_VIDEO_FORMATS = (
    RtpCodecCapability(kind="video", mime_type="video/VP8", preferred_payload_type=96, clock_rate=90000),
    RtpCodecCapability(
        kind="video",
        mime_type="video/H264",
        preferred_payload_type=102,
        clock_rate=90000,
        parameters={"level-asymmetry-allowed": 1, "packetization-mode": 1, "profile-level-id": "42e01f"},
    ),
)


def offer_capabilities(kind: Kind, preferred: VideoCodec) -> RtpCapabilities:
    """What we can send, best first, for an offer: under our own payload types and extension ids."""
    feedback = tuple(RtcpFeedback(type=name, parameter=parameter) for name, parameter in sorted(FEEDBACK))
    numbers = {
        uri: number for number, uri in enumerate(sorted({*EXTENSIONS["audio"], *EXTENSIONS["video"]}), 1)
    }
    codecs: list[RtpCodecCapability] = []
    if kind == "audio":
        codecs.append(
            RtpCodecCapability(
                kind=kind,
                mime_type="audio/opus",
                preferred_payload_type=111,
                clock_rate=48000,
                channels=2,
                parameters={"minptime": 10, **OPUS_PARAMETERS},
                rtcp_feedback=tuple(each for each in feedback if each.type == "transport-cc"),
            )
        )
    for codec in _VIDEO_FORMATS if kind == "video" else ():
        number = codec.preferred_payload_type or 0
        rtx = RtpCodecCapability(
            kind=kind,
            mime_type="video/rtx",
            preferred_payload_type=number + 1,
            clock_rate=90000,
            parameters={"apt": number},
        )
        pair = [codec.model_copy(update={"rtcp_feedback": feedback}), rtx]
        codecs = pair + codecs if CODECS[preferred](codec) else codecs + pair
    return RtpCapabilities(
        codecs=tuple(codecs),
        header_extensions=tuple(
            RtpHeaderExtension(kind=kind, uri=uri, preferred_id=numbers[uri]) for uri in EXTENSIONS[kind]
        ),
    )
