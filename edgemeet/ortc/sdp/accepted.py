"""What the other side's answer makes of an offer, and what is sent by it. Pure."""

from __future__ import annotations

import random as random_module
from dataclasses import dataclass

from edgemeet.encoded import VideoCodec
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.capabilities import send_parameters
from edgemeet.ortc.codec_matching import apt, is_rtx, same_codec
from edgemeet.ortc.header_extensions import REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from edgemeet.ortc.parameters import (
    RtpCapabilities,
    RtpCodecCapability,
    RtpHeaderExtensionParameters,
    RtpParameters,
    RtxParameters,
    WebRtcTransportOptions,
)
from edgemeet.ortc.sdp.description import Section, capabilities_of, read
from edgemeet.ortc.sdp.local import remote_candidates, remote_dtls, remote_ice
from edgemeet.ortc.sdp.offer import Offer, OfferedSection


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
