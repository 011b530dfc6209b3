"""The offering side: what a device offers to send, and what the answer makes of it. Pure."""

from __future__ import annotations

import random as random_module
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiortc.sdp import GroupDescription, SsrcDescription

from edgemeet.encoded import Kind, VideoCodec, VideoEncoding
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.capabilities import send_parameters
from edgemeet.ortc.codec_matching import apt, is_rtx, same_codec
from edgemeet.ortc.header_extensions import REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from edgemeet.ortc.offering import offer_capabilities
from edgemeet.ortc.parameters import (
    RtpCapabilities,
    RtpCodecCapability,
    RtpHeaderExtension,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
    WebRtcTransportOptions,
)
from edgemeet.ortc.sdp.description import Section, capabilities_of, new_section, read, write
from edgemeet.ortc.sdp.local import LocalSide, remote_candidates, remote_dtls, remote_ice

# VideoSDK's and most browsers' names of three layers, lowest first: quarter, half, full.
_RIDS = ("q", "h", "f")
MAX_LAYERS = len(_RIDS)


@dataclass(frozen=True, slots=True)
class Media:
    """One device that is offered.

    Attributes:
        encodings: the layers, lowest bitrate first; empty for sound.
        codec: the video codec that is liked best.
        bitrate: bits per second of sound; None leaves it open.
    """

    kind: Kind
    encodings: tuple[VideoEncoding, ...] = ()
    codec: VideoCodec = "h264"
    bitrate: int | None = None


@dataclass(frozen=True, slots=True)
class OfferedStream:
    """One encoding as it is offered."""

    ssrc: int
    rtx_ssrc: int
    rid: str | None


@dataclass(frozen=True, slots=True)
class OfferedSection:
    """One device as it is offered."""

    media: Media
    mid: str
    capabilities: RtpCapabilities
    streams: tuple[OfferedStream, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, and what has to be known of it when the answer comes. `sdp` holds the ICE password."""

    sections: tuple[OfferedSection, ...]
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one device.

    Attributes:
        capabilities: the codecs and extensions of the offer that the answer takes, under its numbers.
        layers: which of the offered encodings it takes, lowest first.
    """

    section: OfferedSection
    capabilities: RtpCapabilities
    layers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be sent by."""

    transport: WebRtcTransportOptions
    accepted: tuple[Accepted, ...]


def make_offer(
    media: Sequence[Media],
    local: LocalSide,
    *,
    cname: str,
    random: random_module.Random,
    lowest_first: bool = False,
) -> Offer:
    """Offer to send `media` over one transport.

    Args:
        media: each kind at most once, at most three layers each.
        local: our ICE and DTLS side.
        cname: names this endpoint, so that receivers keep its sound and picture in step.
        random: where SSRCs and the session's number come from.
        lowest_first: write the lowest layer first, for servers that number layers so. RFC 8853 (5.2) has the
            one that is liked best first.
    """
    sections = tuple(_offered(each, str(number), random) for number, each in enumerate(media))
    written = [_write_section(section, local, cname, lowest_first=lowest_first) for section in sections]
    return Offer(sections, write(written, session_id=random.getrandbits(62)))


def _offered(media: Media, mid: str, random: random_module.Random) -> OfferedSection:
    layers = max(1, len(media.encodings))
    if layers > MAX_LAYERS:
        raise ValueError(f"at most {MAX_LAYERS} layers can be offered, not {layers}")
    ssrcs = random.sample(range(1, 0xFFFFFFFF), 2 * layers)
    rids = _RIDS[-layers:] if layers > 1 else (None,)
    streams = tuple(
        OfferedStream(ssrcs[2 * index], ssrcs[2 * index + 1], rid) for index, rid in enumerate(rids)
    )
    capabilities = offer_capabilities(media.kind, media.codec)
    if layers > 1:
        # In one bundle a number has one meaning (RFC 8843, 14), also for the other kind.
        kinds: tuple[Kind, ...] = ("audio", "video")
        others = [each for kind in kinds for each in offer_capabilities(kind, media.codec).header_extensions]
        taken = max(each.preferred_id for each in others)
        names = tuple(
            RtpHeaderExtension(kind=media.kind, uri=uri, preferred_id=taken + number)
            for number, uri in enumerate((RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID), 1)
        )
        extensions = capabilities.header_extensions + names
        capabilities = capabilities.model_copy(update={"header_extensions": extensions})
    return OfferedSection(media, mid, capabilities, streams)


def _write_section(offered: OfferedSection, local: LocalSide, cname: str, *, lowest_first: bool) -> Section:
    section = new_section(offered.media.kind, offered.mid, offered.capabilities)
    section.direction = "sendonly"
    section.msid = f"{cname} {cname}-{offered.media.kind}"
    local.describe(section, "auto")
    if len(offered.streams) > 1:
        section.rids = tuple(stream.rid or "" for stream in offered.streams)[:: 1 if lowest_first else -1]
        return section  # RFC 9429, 5.2.1: encodings that have a rid are not told by ssrc
    (stream,) = offered.streams
    ssrcs: list[int | str] = [stream.ssrc]
    if any(is_rtx(codec) for codec in offered.capabilities.codecs):
        ssrcs.append(stream.rtx_ssrc)
        section.ssrc_group = [GroupDescription(semantic="FID", items=ssrcs)]
    section.ssrc = [SsrcDescription(ssrc=int(ssrc), cname=cname, msid=section.msid) for ssrc in ssrcs]
    return section


def read_answer(text: str, offer: Offer) -> Answer:
    """What the answer makes of `offer`.

    Raises:
        ProtocolMismatch: ``protocol.sdp``: it makes no sense as an answer to this offer;
            ``protocol.no_common_codec``: it takes none of a device's codecs;
            ``protocol.sdp_no_ice``, ``protocol.sdp_no_dtls``, ``protocol.sdp_no_bundle``,
            ``protocol.sdp_direction``: it cannot be sent by.
    """
    sections = read(text, rids="recv")
    if len(sections) != len(offer.sections):
        raise ProtocolMismatch(
            f"the answer has {len(sections)} media sections, the offer {len(offer.sections)}",
            code="protocol.sdp",
        )
    accepted = tuple(
        _accepted(offered, section) for offered, section in zip(offer.sections, sections, strict=True)
    )
    first = sections[0]
    ice, dtls = remote_ice(first), remote_dtls(first)
    if any(remote_ice(section) != ice for section in sections):
        raise ProtocolMismatch(
            "the answer wants sound and picture on two transports; they are offered on one (BUNDLE)",
            code="protocol.sdp_no_bundle",
        )
    if dtls.role == "auto":
        raise ProtocolMismatch(
            'the answer leaves the DTLS role open ("setup:actpass"); it must choose one',
            code="protocol.sdp_no_dtls",
        )
    transport = WebRtcTransportOptions(
        id="", ice_parameters=ice, ice_candidates=remote_candidates(sections), dtls_parameters=dtls
    )
    if not transport.ice_candidates:
        raise ProtocolMismatch(
            "the answer names no ICE candidate: there is no address to send media to",
            code="protocol.sdp_no_ice",
        )
    return Answer(transport, accepted)


def _accepted(offered: OfferedSection, section: Section) -> Accepted:
    kind = offered.media.kind
    if section.kind != kind:
        raise ProtocolMismatch(
            f"the answer has {section.kind!r:.20} where {kind} was offered", code="protocol.sdp"
        )
    # A rejected section keeps one of the offered formats (RFC 3264, 6): its port says it.
    takes = RtpCapabilities() if section.port == 0 else _taken(offered, capabilities_of(section))
    if not any(not is_rtx(codec) for codec in takes.codecs):
        mentioned = sorted({codec.mimeType.partition("/")[2][:20] for codec in section.rtp.codecs})
        wanted = "rejects it" if section.port == 0 else f"names {', '.join(mentioned) or 'none'}"
        names = [
            codec.mime_type.partition("/")[2] for codec in offered.capabilities.codecs if not is_rtx(codec)
        ]
        raise ProtocolMismatch(
            f"the server takes none of the {kind} codecs offered ({', '.join(names)}): its answer {wanted}",
            code="protocol.no_common_codec",
            hint="H.264 must be constrained baseline (profile-level-id 42e01f) with packetization-mode 1",
        )
    if section.direction not in ("recvonly", "sendrecv", None):
        raise ProtocolMismatch(
            f'the answer does not receive the {kind}: it says "{section.direction}"',
            code="protocol.sdp_direction",
        )
    return Accepted(offered, takes, _layers(offered, section, takes))


def _taken(offered: OfferedSection, answered: RtpCapabilities) -> RtpCapabilities:
    """Of the answer's codecs those that were offered; extensions of the offer only."""
    own = {codec.preferred_payload_type: codec for codec in offered.capabilities.codecs if not is_rtx(codec)}
    codecs: list[RtpCodecCapability] = []
    for codec in answered.codecs:
        if is_rtx(codec):
            continue
        ours = own.get(codec.preferred_payload_type)
        # Some answers name a format by its payload type alone and leave its parameters out.
        parameters = {**(ours.parameters if ours is not None else {}), **codec.parameters}
        whole = codec.model_copy(update={"parameters": parameters})
        if any(same_codec(each, whole) for each in own.values()):
            codecs.append(whole)
    kept = {codec.preferred_payload_type for codec in codecs}
    codecs += [codec for codec in answered.codecs if is_rtx(codec) and apt(codec) in kept]
    known = {each.uri for each in offered.capabilities.header_extensions}
    extensions = tuple(each for each in answered.header_extensions if each.uri in known)
    return RtpCapabilities(codecs=tuple(codecs), header_extensions=extensions)


def _layers(offered: OfferedSection, section: Section, takes: RtpCapabilities) -> tuple[int, ...]:
    """All encodings that the answer names, or, where it takes no simulcast, the highest (RFC 8853, 5.3)."""
    named = {extension.uri for extension in takes.header_extensions}
    rids = [stream.rid for stream in offered.streams]
    layers = tuple(index for index, rid in enumerate(rids) if rid in section.rids)
    if len(rids) > 1 and RTP_STREAM_ID in named and layers:
        return layers
    return (len(rids) - 1,)


def parameters_to_send(
    accepted: Accepted, *, codec: VideoCodec, cname: str, random: random_module.Random
) -> RtpParameters:
    """What is sent of a device that was accepted.

    Args:
        accepted: one of the answer's.
        codec: one of the video codecs that it takes; ignored for sound.
        cname: as in the offer.
        random: not drawn from in the end; the offer's SSRCs are taken.

    Raises:
        ProtocolMismatch: ``protocol.no_common_codec``.
    """
    offered = accepted.section
    media = offered.media
    parameters = send_parameters(
        accepted.capabilities,
        media.kind,
        codec=codec if media.kind == "video" else None,
        encodings=[media.encodings[layer] for layer in accepted.layers] if media.encodings else (),
        random=random,
        cname=cname,
        mid=offered.mid,
        audio_bitrate=media.bitrate,
    )
    # One that was offered with names goes by its name also when it is alone.
    names = tuple(
        RtpHeaderExtensionParameters(uri=each.uri, id=each.preferred_id)
        for each in accepted.capabilities.header_extensions
        if each.uri in (RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID)
    )
    encodings = tuple(
        encoding.model_copy(
            update={
                "ssrc": offered.streams[layer].ssrc,
                "rtx": RtxParameters(ssrc=offered.streams[layer].rtx_ssrc) if encoding.rtx else None,
                "rid": offered.streams[layer].rid,
            }
        )
        for layer, encoding in zip(accepted.layers, parameters.encodings, strict=True)
    )
    extensions = parameters.header_extensions + names
    return parameters.model_copy(update={"encodings": encodings, "header_extensions": extensions})
