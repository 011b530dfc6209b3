"""A router's side of ORTC, as mediasoup does it: what a receiver gets of what a producer sends.

A router rewrites every producer's payload types and extension ids to its own preferred ones, so that
all consumers see the same numbers. All pure; the sandbox is the user.
"""

from __future__ import annotations

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.codec_matching import apt, is_rtx, same_codec
from edgemeet.ortc.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    TRANSPORT_WIDE_CC,
)
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


def router_capabilities() -> RtpCapabilities:
    """The sandbox's router: Opus, VP8 and H.264 42e01f, with the numbers that mediasoup would give them."""
    kinds: tuple[Kind, ...] = ("audio", "video")
    return RtpCapabilities(
        codecs=(
            RtpCodecCapability(
                kind="audio",
                mime_type="audio/opus",
                preferred_payload_type=100,
                clock_rate=48000,
                channels=2,
                rtcp_feedback=(RtcpFeedback(type="nack"), RtcpFeedback(type="transport-cc")),
            ),
            *_video_codec("video/VP8", 101),
            *_video_codec(
                "video/H264",
                103,
                {"profile-level-id": "42e01f", "packetization-mode": 1, "level-asymmetry-allowed": 1},
            ),
        ),
        header_extensions=(
            *(
                RtpHeaderExtension(kind=kind, uri=uri, preferred_id=number, direction="sendrecv")
                for uri, number in ((MID, 1), (ABS_SEND_TIME, 4))
                for kind in kinds
            ),
            # What the router reads of producers and does not write for consumers.
            *(
                RtpHeaderExtension(kind=kind, uri=uri, preferred_id=number, direction="recvonly")
                for uri, number in ((TRANSPORT_WIDE_CC, 5), (ABS_CAPTURE_TIME, 13))
                for kind in kinds
            ),
            RtpHeaderExtension(kind="audio", uri=AUDIO_LEVEL, preferred_id=10, direction="sendrecv"),
        ),
    )


def _video_codec(
    mime_type: str, payload_type: int, parameters: dict[str, str | int | float | bool | None] | None = None
) -> tuple[RtpCodecCapability, RtpCodecCapability]:
    return (
        RtpCodecCapability(
            kind="video",
            mime_type=mime_type,
            preferred_payload_type=payload_type,
            clock_rate=90000,
            parameters=parameters or {},
            rtcp_feedback=(
                RtcpFeedback(type="nack"),
                RtcpFeedback(type="nack", parameter="pli"),
                RtcpFeedback(type="ccm", parameter="fir"),
                RtcpFeedback(type="goog-remb"),
                RtcpFeedback(type="transport-cc"),
            ),
        ),
        RtpCodecCapability(
            kind="video",
            mime_type="video/rtx",
            preferred_payload_type=payload_type + 1,
            clock_rate=90000,
            parameters={"apt": payload_type},
        ),
    )


def payload_type_map(producer: RtpParameters, router: RtpCapabilities) -> dict[int, int]:
    """The producer's payload types, RTX included, to the router's.

    Raises:
        ProtocolMismatch: the router does not know one of the codecs (code protocol.unsupported_codec).
    """
    mapping: dict[int, int] = {}
    for codec in producer.codecs:
        if not is_rtx(codec):
            mapping[codec.payload_type] = _payload_type(_router_entry(codec, router))
    for codec in producer.codecs:
        if is_rtx(codec):
            repaired = mapping.get(apt(codec) or -1)
            entry = next((e for e in router.codecs if is_rtx(e) and apt(e) == repaired), None)
            if repaired is None or entry is None:
                raise _unsupported(codec)
            mapping[codec.payload_type] = _payload_type(entry)
    return mapping


def header_extension_map(producer: RtpParameters, router: RtpCapabilities) -> dict[int, int]:
    """The producer's header extension ids to the router's, without those that it does not know."""
    kind = _kind(producer)
    known = {e.uri: e.preferred_id for e in router.header_extensions if e.kind in (kind, None)}
    return {e.id: known[e.uri] for e in producer.header_extensions if e.uri in known}


def can_consume(producer: RtpParameters, router: RtpCapabilities, receiver: RtpCapabilities) -> bool:
    """True when `receiver` can decode what `producer` sends through `router`."""
    try:
        return any(not is_rtx(codec) for codec in _consumer_codecs(producer, router, receiver))
    except ProtocolMismatch:
        return False


def consumer_parameters(
    producer: RtpParameters,
    router: RtpCapabilities,
    receiver: RtpCapabilities,
    *,
    ssrc: int,
    rtx_ssrc: int,
    mid: str | None = None,
) -> RtpParameters:
    """What `receiver` will get: the router's payload types and ids, only what it lists, one encoding.

    Args:
        producer: what is sent.
        router: what it passes through.
        receiver: the capabilities that the receiver joined with.
        ssrc: of the one stream that the receiver gets, whichever layer it carries.
        rtx_ssrc: of its retransmissions; unused where the receiver takes no RTX.
        mid: names the stream within the receiver's transport.

    Raises:
        ProtocolMismatch: the receiver cannot decode this producer (code protocol.cannot_consume).
    """
    codecs = _consumer_codecs(producer, router, receiver)
    if not codecs or is_rtx(codecs[0]):
        raise ProtocolMismatch(
            "the receiver decodes none of the producer's codecs", code="protocol.cannot_consume"
        )
    extensions = _consumer_extensions(producer, router, receiver)
    uris = {extension.uri for extension in extensions}
    has_rtx = any(is_rtx(codec) for codec in codecs)
    bitrates = [encoding.max_bitrate for encoding in producer.encodings if encoding.max_bitrate]
    layers = len(producer.encodings)
    return RtpParameters(
        mid=mid,
        codecs=tuple(_with_usable_feedback(codec, uris) for codec in codecs),
        header_extensions=tuple(extensions),
        encodings=(
            RtpEncodingParameters(
                ssrc=ssrc,
                rtx=RtxParameters(ssrc=rtx_ssrc) if has_rtx else None,
                dtx=producer.encodings[0].dtx if producer.encodings else None,
                scalability_mode=f"L{layers}T1" if layers > 1 else None,
                max_bitrate=max(bitrates, default=None),
            ),
        ),
        rtcp=RtcpParameters(cname=producer.rtcp.cname, reduced_size=True, mux=True),
    )


def _consumer_codecs(
    producer: RtpParameters, router: RtpCapabilities, receiver: RtpCapabilities
) -> list[RtpCodecParameters]:
    mapping = payload_type_map(producer, router)
    codecs: list[RtpCodecParameters] = []
    for codec in (codec for codec in producer.codecs if not is_rtx(codec)):
        taken = next((entry for entry in receiver.codecs if same_codec(entry, codec)), None)
        if taken is None:
            continue
        payload_type = mapping[codec.payload_type]
        feedback = tuple(f for f in _router_entry(codec, router).rtcp_feedback if f in taken.rtcp_feedback)
        codecs.append(codec.model_copy(update={"payload_type": payload_type, "rtcp_feedback": feedback}))
        takes_rtx = any(is_rtx(e) and apt(e) == taken.preferred_payload_type for e in receiver.codecs)
        rtx = next((e for e in router.codecs if is_rtx(e) and apt(e) == payload_type), None)
        if rtx is not None and takes_rtx:
            codecs.append(
                RtpCodecParameters(
                    mime_type=rtx.mime_type,
                    payload_type=_payload_type(rtx),
                    clock_rate=rtx.clock_rate,
                    parameters={"apt": payload_type},
                )
            )
    return codecs


def _consumer_extensions(
    producer: RtpParameters, router: RtpCapabilities, receiver: RtpCapabilities
) -> list[RtpHeaderExtensionParameters]:
    """Those that the router sends and the receiver lists under the same id."""
    kind = _kind(producer)
    listed = {(e.uri, e.preferred_id) for e in receiver.header_extensions if e.kind in (kind, None)}
    return [
        RtpHeaderExtensionParameters(uri=e.uri, id=e.preferred_id)
        for e in router.header_extensions
        if e.kind in (kind, None)
        and e.direction in (None, "sendrecv", "sendonly")
        and (e.uri, e.preferred_id) in listed
    ]


def _with_usable_feedback(codec: RtpCodecParameters, uris: set[str]) -> RtpCodecParameters:
    """One kind of bandwidth feedback, chosen by the extension that it needs."""
    if TRANSPORT_WIDE_CC in uris:
        unusable = {"goog-remb"}
    elif ABS_SEND_TIME in uris:
        unusable = {"transport-cc"}
    else:
        unusable = {"goog-remb", "transport-cc"}
    kept = tuple(entry for entry in codec.rtcp_feedback if entry.type not in unusable)
    return codec.model_copy(update={"rtcp_feedback": kept})


def _router_entry(codec: RtpCodecParameters, router: RtpCapabilities) -> RtpCodecCapability:
    for entry in router.codecs:
        if entry.preferred_payload_type is not None and same_codec(entry, codec):
            return entry
    raise _unsupported(codec)


def _payload_type(entry: RtpCodecCapability) -> int:
    if entry.preferred_payload_type is None:
        raise ProtocolMismatch(
            f"the router names no payload type for {entry.mime_type}", code="protocol.unsupported_codec"
        )
    return entry.preferred_payload_type


def _unsupported(codec: RtpCodecParameters) -> ProtocolMismatch:
    return ProtocolMismatch(
        f"the router does not take {codec.mime_type} with payload type {codec.payload_type}",
        code="protocol.unsupported_codec",
    )


def _kind(parameters: RtpParameters) -> Kind:
    """Producers carry one kind; the MIME type of the first codec tells it."""
    first = parameters.codecs[0].mime_type.lower() if parameters.codecs else ""
    return "audio" if first.startswith("audio/") else "video"
