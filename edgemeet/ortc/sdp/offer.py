"""The offering side: what a device offers to send. `accepted` is what the answer makes of it. Pure."""

from __future__ import annotations

import random as random_module
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiortc.sdp import GroupDescription, SsrcDescription

from edgemeet.encoded import Kind, VideoCodec, VideoEncoding
from edgemeet.ortc.codec_matching import is_rtx
from edgemeet.ortc.header_extensions import REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from edgemeet.ortc.offering import offer_capabilities
from edgemeet.ortc.parameters import (
    RtpCapabilities,
    RtpHeaderExtension,
)
from edgemeet.ortc.sdp.description import Section, new_section, write
from edgemeet.ortc.sdp.local import LocalSide

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
