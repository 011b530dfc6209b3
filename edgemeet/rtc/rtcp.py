"""RTCP: sender reports out, feedback in (RFC 3550, 4585, 5104 and draft-alvestrand-rmcat-remb)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack_from

from edgemeet.rtc.transport_cc import FeedbackMalformed, TransportFeedback, parse_feedback

_SR, _RR, _SDES, _RTPFB, _PSFB = 200, 201, 202, 205, 206
_NACK, _TRANSPORT_CC = 1, 15
_PLI, _FIR, _APP = 1, 4, 15
_REPORT = Struct("!IIIIII")
_REPORT_SIZE = 24
_CNAME = 1


class RtcpMalformed(ValueError):
    """What was received is not RTCP."""


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream: losses, and how far it has come.

    Attributes:
        fraction_lost: of the packets since the last report, in 1/256.
        packets_lost: since the beginning; may be negative after duplicates.
        highest_sequence: the highest sequence number received, wraps counted in the upper 16 bits.
        jitter: in units of the RTP clock.
        last_report: middle bits of the last sender report received, 0 for none.
        delay: since then, in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class Nack:
    """These packets of a stream did not arrive."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureLoss:
    """A receiver cannot decode and asks for a keyframe."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """The stronger form; `number` is the same in repetitions of one request."""

    ssrc: int
    number: int


@dataclass(frozen=True, slots=True)
class BandwidthEstimate:
    """REMB: what the receiver believes the path can carry, in bits per second, for all streams together."""

    bitrate: int
    ssrcs: tuple[int, ...]


Feedback = ReportBlock | Nack | PictureLoss | FullIntraRequest | BandwidthEstimate | TransportFeedback


def parse(data: bytes) -> list[Feedback]:
    """The feedback in a compound packet; what is not known is passed over.

    Raises:
        RtcpMalformed: lengths that do not fit, a wrong version.
    """
    feedback: list[Feedback] = []
    position = 0
    while position < len(data):
        if len(data) - position < 4:
            raise RtcpMalformed("a truncated header")
        first, kind, words = unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise RtcpMalformed("a wrong version or length")
        body = data[position + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise RtcpMalformed("a wrong padding")
            body = body[: -body[-1]]
        feedback += _parse_body(kind, first & 0x1F, body)
        position = end
    return feedback


def _parse_body(kind: int, count: int, body: bytes) -> Sequence[Feedback]:
    if kind == _RR:
        return _reports(body, 4, count)
    if kind == _SR:
        return _reports(body, 24, count)
    if kind == _RTPFB and count == _NACK:
        return _nack(body)
    if kind == _RTPFB and count == _TRANSPORT_CC:
        return _transport_feedback(body)
    if kind == _PSFB:
        return _payload_feedback(count, body)
    return ()


def _reports(body: bytes, start: int, count: int) -> list[Feedback]:
    if len(body) < start + count * _REPORT_SIZE:
        raise RtcpMalformed("a truncated report")
    reports: list[Feedback] = []
    for offset in range(start, start + count * _REPORT_SIZE, _REPORT_SIZE):
        ssrc, loss, highest, jitter, last_report, delay = _REPORT.unpack_from(body, offset)
        lost = loss & 0xFFFFFF
        reports.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=loss >> 24,
                packets_lost=lost - (1 << 24) if lost & 0x800000 else lost,
                highest_sequence=highest,
                jitter=jitter,
                last_report=last_report,
                delay=delay,
            )
        )
    return reports


def _nack(body: bytes) -> list[Feedback]:
    if len(body) < 8 or len(body) % 4:
        raise RtcpMalformed("a truncated NACK")
    sequences: list[int] = []
    for offset in range(8, len(body), 4):
        first, following = unpack_from("!HH", body, offset)
        sequences.append(first)
        sequences += [(first + bit + 1) & 0xFFFF for bit in range(16) if following >> bit & 1]
    return [Nack(ssrc=unpack_from("!I", body, 4)[0], sequences=tuple(sequences))]


def _transport_feedback(body: bytes) -> list[Feedback]:
    try:
        return [parse_feedback(body)]
    except FeedbackMalformed as error:
        raise RtcpMalformed(str(error)) from error


def _payload_feedback(kind: int, body: bytes) -> list[Feedback]:
    if len(body) < 8:
        raise RtcpMalformed("a truncated feedback message")
    if kind == _PLI:
        return [PictureLoss(ssrc=unpack_from("!I", body, 4)[0])]
    if kind == _FIR:
        return [
            FullIntraRequest(ssrc=unpack_from("!I", body, offset)[0], number=body[offset + 4])
            for offset in range(8, len(body) - 7, 8)
        ]
    if kind == _APP and body[8:12] == b"REMB":
        return [_remb(body)]
    return []


def _remb(body: bytes) -> BandwidthEstimate:
    if len(body) < 16 or len(body) < 16 + 4 * body[12]:
        raise RtcpMalformed("a truncated REMB")
    exponent = body[13] >> 2
    mantissa = (body[13] & 0x03) << 16 | body[14] << 8 | body[15]
    return BandwidthEstimate(
        bitrate=mantissa << exponent,
        ssrcs=unpack_from(f"!{body[12]}I", body, 16),
    )


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    """A sender report without report blocks: at `ntp` the RTP clock showed `timestamp`."""
    return pack("!BBHIQIII", 0x80, _SR, 6, ssrc, ntp, timestamp, packets & 0xFFFF_FFFF, octets & 0xFFFF_FFFF)


def source_description(ssrc: int, cname: str) -> bytes:
    """The canonical name that ties the streams of one endpoint together.

    One stream to a packet: aiortc misreads several, as it expects no padding between them.
    """
    name = cname.encode()[:255]
    item = bytes((_CNAME, len(name))) + name
    # A chunk ends with at least one zero and at a multiple of four.
    item += bytes(4 - len(item) % 4)
    return pack("!BBHI", 0x81, _SDES, 1 + len(item) // 4, ssrc) + item
