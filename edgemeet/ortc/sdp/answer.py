"""The answering side: what an offer wants to send through a router, and the answer to it. Pure.

The sandbox is the user, and tests that put other servers behind an offer.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.codec_matching import apt, is_rtx, same_codec
from edgemeet.ortc.header_extensions import RTP_STREAM_ID
from edgemeet.ortc.parameters import (
    DtlsParameters,
    DtlsRole,
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
from edgemeet.ortc.sdp.description import (
    Section,
    capabilities_of,
    kind_of,
    malformed,
    new_section,
    read,
    write,
)
from edgemeet.ortc.sdp.local import LocalSide, remote_dtls


@dataclass(frozen=True, slots=True)
class OfferedMedia:
    """One section of an offer.

    Attributes:
        parameters: what would be produced; None where the section is rejected.
        accepted: the codecs and extensions to answer with, under the offer's numbers.
    """

    kind: Kind
    mid: str
    parameters: RtpParameters | None
    accepted: RtpCapabilities
    section: Section


@dataclass(frozen=True, slots=True)
class ReceivedOffer:
    """An offer that was read. `dtls_parameters` has the role that the answer leaves to the offerer."""

    media: tuple[OfferedMedia, ...]
    dtls_parameters: DtlsParameters


def read_offer(text: str, router: RtpCapabilities) -> ReceivedOffer:
    """What an offer wants to send through `router`.

    Sections that are no sound or picture, that send nothing, or of whose codecs the router takes none, are
    rejected one by one.

    Raises:
        ProtocolMismatch: ``protocol.sdp``, ``protocol.sdp_no_dtls``; ``protocol.no_common_codec`` where
            nothing is left.
    """
    sections = read(text, rids="send")
    media = tuple(_offered(section, str(number), router) for number, section in enumerate(sections))
    mids = [each.mid for each in media]
    if len(set(mids)) != len(mids):
        raise malformed("two sections have one mid")
    first = next((each for each in media if each.parameters is not None), None)
    if first is None:
        raise ProtocolMismatch(
            "nothing that is offered can be taken: Opus, VP8 and H.264 42e01f can",
            code="protocol.no_common_codec",
        )
    offered = remote_dtls(first.section)
    role: DtlsRole = "server" if offered.role == "server" else "client"
    return ReceivedOffer(media, DtlsParameters(role=role, fingerprints=offered.fingerprints))


def write_answer(offer: ReceivedOffer, local: LocalSide, *, session_id: int) -> str:
    """The answer to `offer`: what is taken of it is received over one transport."""
    role: DtlsRole = "server" if offer.dtls_parameters.role == "client" else "client"
    sections: list[Section] = []
    for media in offer.media:
        if media.parameters is None:
            rejected = Section(media.section.kind, 0, media.section.fmt, media.section.profile)
            rejected.direction = "inactive"
            rejected.rtp.muxId = media.mid
            local.describe(rejected, role)
            rejected.ice_candidates, rejected.ice_candidates_complete = [], False
            sections.append(rejected)
            continue
        section = new_section(media.kind, media.mid, media.accepted)
        section.direction = "recvonly"
        section.rids, section.rid_direction = media.section.rids, "recv"
        local.describe(section, role)
        sections.append(section)
    return write(sections, session_id=session_id)


def _offered(section: Section, number: str, router: RtpCapabilities) -> OfferedMedia:
    mid = section.rtp.muxId or number
    kind = kind_of(section)
    wanted = section.kind in ("audio", "video") and not section.rejected
    if not wanted or section.direction not in ("sendonly", "sendrecv", None):
        return OfferedMedia(kind, mid, None, RtpCapabilities(), section)
    offered = capabilities_of(section)
    codecs = _codecs(offered, router)
    if not codecs:
        return OfferedMedia(kind, mid, None, RtpCapabilities(), section)
    known = {each.uri for each in router.header_extensions if each.kind in (kind, None)}
    extensions = tuple(each for each in offered.header_extensions if each.uri in known)
    if section.rids and RTP_STREAM_ID not in {each.uri for each in extensions}:
        section.rids = ()  # they could not be told apart
    accepted = RtpCapabilities(codecs=codecs, header_extensions=extensions)
    return OfferedMedia(kind, mid, _parameters(section, mid, accepted), accepted, section)


def _codecs(offered: RtpCapabilities, router: RtpCapabilities) -> tuple[RtpCodecCapability, ...]:
    """The first of the offer's codecs that the router takes, with the feedback both know, and its RTX."""
    for codec in offered.codecs:
        ours = next((each for each in router.codecs if not is_rtx(codec) and same_codec(each, codec)), None)
        if ours is None:
            continue
        feedback = tuple(each for each in codec.rtcp_feedback if each in ours.rtcp_feedback)
        taken = codec.model_copy(update={"rtcp_feedback": feedback})
        rtx = [each for each in offered.codecs if is_rtx(each) and apt(each) == codec.preferred_payload_type]
        return (taken, *rtx[:1])
    return ()


def _parameters(section: Section, mid: str, accepted: RtpCapabilities) -> RtpParameters:
    return RtpParameters(
        mid=mid,
        codecs=tuple(_as_parameters(codec) for codec in accepted.codecs),
        header_extensions=tuple(_extension(each) for each in accepted.header_extensions),
        encodings=_encodings(section, has_rtx=any(is_rtx(codec) for codec in accepted.codecs)),
        rtcp=RtcpParameters(cname=next((each.cname for each in section.ssrc if each.cname), None)),
    )


def _encodings(section: Section, *, has_rtx: bool) -> tuple[RtpEncodingParameters, ...]:
    """By their names, by their SSRC, or one that only its packets' mid will tell."""
    if section.rids:
        return tuple(RtpEncodingParameters(rid=rid) for rid in section.rids)
    pairs = [group.items for group in section.ssrc_group if group.semantic == "FID" and len(group.items) == 2]
    if pairs:
        ssrc, rtx = (int(item) for item in pairs[0])
        return (RtpEncodingParameters(ssrc=ssrc, rtx=RtxParameters(ssrc=rtx) if has_rtx else None),)
    if section.ssrc:
        return (RtpEncodingParameters(ssrc=section.ssrc[0].ssrc),)
    return (RtpEncodingParameters(),)


def _as_parameters(codec: RtpCodecCapability) -> RtpCodecParameters:
    return RtpCodecParameters(
        mime_type=codec.mime_type,
        payload_type=codec.preferred_payload_type or 0,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        parameters=codec.parameters,
        rtcp_feedback=codec.rtcp_feedback,
    )


def _extension(extension: RtpHeaderExtension) -> RtpHeaderExtensionParameters:
    return RtpHeaderExtensionParameters(uri=extension.uri, id=extension.preferred_id)
