"""A session description: aiortc's, with the names of encodings that it does not know (RFC 8851, RFC 8853)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from aiortc.rtcrtpparameters import (
    RTCRtcpFeedback,
    RTCRtpCodecParameters,
    RTCRtpHeaderExtensionParameters,
)
from aiortc.sdp import GroupDescription, MediaDescription, SessionDescription, grouplines
from pydantic import ValidationError

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.parameters import RtcpFeedback, RtpCapabilities, RtpCodecCapability, RtpHeaderExtension

Direction = Literal["send", "recv"]

_PROFILE: Final = "UDP/TLS/RTP/SAVPF"
_MAX_SECTIONS: Final = 16  # an honest description of one device has two
_MAX_RIDS: Final = 8
_RID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")  # RFC 8851, as corrected by erratum 7132


class Section(MediaDescription):
    """One m-section.

    Attributes:
        rids: names of the encodings, in the order of a=simulcast; empty where there is but one.
        rid_direction: whether this side sends or receives them.
        bundle_only: offered on the transport of another section, which port 0 does not reject (RFC 9143, 6).
    """

    def __init__(self, kind: str, port: int, fmt: list[int], profile: str = _PROFILE) -> None:
        super().__init__(kind, port, profile, fmt)
        self.rids: tuple[str, ...] = ()
        self.rid_direction: Direction = "send"
        self.bundle_only = False

    @property
    def rejected(self) -> bool:
        """Not to be used: in an answer because of this side, in an offer because of an earlier one."""
        return self.port == 0 and not self.bundle_only

    def __str__(self) -> str:
        lines = ["a=rtcp-rsize"] if self.rtcp_mux else []
        lines += [f"a=rid:{rid} {self.rid_direction}" for rid in self.rids]
        if self.rids:
            lines.append(f"a=simulcast:{self.rid_direction} {';'.join(self.rids)}")
        return super().__str__() + "".join(f"{line}\r\n" for line in lines)


def new_section(kind: Kind, mid: str, capabilities: RtpCapabilities) -> Section:
    """A section that carries media, with RTCP beside the RTP."""
    payload_types = [each.preferred_payload_type or 0 for each in capabilities.codecs]
    section = Section(kind, 9, payload_types)
    section.host = "0.0.0.0"  # noqa: S104 - RFC 9429, 5.2.1: the address is ICE's business
    section.rtcp_port, section.rtcp_host, section.rtcp_mux = 9, "0.0.0.0", True  # noqa: S104 - likewise
    section.rtp.muxId = mid
    section.rtp.codecs = [_to_aiortc(each) for each in capabilities.codecs]
    section.rtp.headerExtensions = [
        RTCRtpHeaderExtensionParameters(id=each.preferred_id, uri=each.uri)
        for each in capabilities.header_extensions
    ]
    return section


def write(sections: Iterable[Section], *, session_id: int) -> str:
    """The text of a description whose sections, but the rejected ones, share one transport."""
    session = SessionDescription()
    session.origin = f"- {session_id} 1 IN IP4 127.0.0.1"
    session.media = list(sections)
    mids: list[int | str] = [each.rtp.muxId for each in session.media if each.port]
    session.group = [GroupDescription(semantic="BUNDLE", items=mids)]
    session.msid_semantic = [GroupDescription(semantic="WMS", items=["*"])]
    return str(session)


def read(text: str, *, rids: Direction) -> tuple[Section, ...]:
    """The sections of a description, with the names of the encodings that its writer sends or receives.

    Raises:
        ProtocolMismatch: ``protocol.sdp``, it is none. The message holds nothing of the text.
    """
    try:
        session = SessionDescription.parse(text)
        _, lines = grouplines(text)
        found = tuple(_section(media, own, rids) for media, own in zip(session.media, lines, strict=True))
    except (AssertionError, AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        raise malformed("it cannot be parsed") from None  # nothing is chained: it would quote a password
    if not text.startswith("v=0") or not 0 < len(found) <= _MAX_SECTIONS:
        raise malformed(f"it must begin with v=0 and have 1 to {_MAX_SECTIONS} media sections")
    return found


def malformed(problem: str) -> ProtocolMismatch:
    """For what is no session description."""
    return ProtocolMismatch(f"the session description makes no sense: {problem}", code="protocol.sdp")


def capabilities_of(section: Section) -> RtpCapabilities:
    """The codecs and header extensions that a section lists.

    Raises:
        ProtocolMismatch: ``protocol.sdp``, a number is out of range.
    """
    kind = kind_of(section)
    try:
        return RtpCapabilities(
            codecs=tuple(_from_aiortc(kind, each) for each in section.rtp.codecs),
            header_extensions=tuple(
                RtpHeaderExtension(kind=kind, uri=each.uri, preferred_id=each.id)
                for each in section.rtp.headerExtensions
            ),
        )
    except ValidationError:
        raise malformed("a payload type or an extension id is out of range") from None


def kind_of(section: Section) -> Kind:
    """Sound or picture; sections of other kinds are looked at by nobody."""
    return "audio" if section.kind == "audio" else "video"


def _section(media: MediaDescription, lines: list[str], direction: Direction) -> Section:
    section = Section(media.kind, media.port, media.fmt, media.profile)
    section.__dict__.update(media.__dict__)
    section.rid_direction = direction
    section.rids = _rids(lines, direction)
    section.bundle_only = any(line.strip() == "a=bundle-only" for line in lines)
    return section


def _rids(lines: list[str], direction: Direction) -> tuple[str, ...]:
    """In a=simulcast: streams between semicolons, alternatives between commas, "~" for a paused one."""
    for line in lines:
        words = line.strip().removeprefix("a=simulcast:").split()
        if not line.startswith("a=simulcast:") or direction not in words[::2]:
            continue
        streams = words[2 * words[::2].index(direction) + 1].removeprefix("rid=").split(";")
        rids = tuple(dict.fromkeys(stream.split(",")[0].removeprefix("~") for stream in streams))
        if len(rids) > _MAX_RIDS or not all(_RID.fullmatch(rid) for rid in rids):
            raise ValueError("rids")
        return rids
    return ()


def _to_aiortc(codec: RtpCodecCapability) -> RTCRtpCodecParameters:
    return RTCRtpCodecParameters(
        mimeType=codec.mime_type,
        clockRate=codec.clock_rate,
        channels=codec.channels,
        payloadType=codec.preferred_payload_type,
        rtcpFeedback=[
            RTCRtcpFeedback(type=each.type, parameter=each.parameter or None) for each in codec.rtcp_feedback
        ],
        parameters={
            name: value if isinstance(value, int | None) else str(value)
            for name, value in codec.parameters.items()
        },
    )


def _from_aiortc(kind: Kind, codec: RTCRtpCodecParameters) -> RtpCodecCapability:
    return RtpCodecCapability.model_validate(
        {
            "kind": kind,
            "mimeType": codec.mimeType,
            "preferredPayloadType": codec.payloadType,
            "clockRate": codec.clockRate,
            "channels": codec.channels,
            "parameters": dict(codec.parameters),
            "rtcpFeedback": [
                RtcpFeedback(type=each.type, parameter=each.parameter or "") for each in codec.rtcpFeedback
            ],
        }
    )
