"""The little of a video payload that forwarding needs: where a keyframe starts, and VP8's picture numbers.

Formats: RFC 6184 (H.264), RFC 7741 (VP8).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_SPS: Final = 7
_STAP_A: Final = 24
_FU_A: Final = 28


def starts_keyframe(mime_type: str, payload: bytes) -> bool:
    """True for the first packet of a picture that a decoder can start with.

    For H.264 that is the one with the SPS: an IDR picture without it cannot be decoded by a newcomer.
    Codecs that are not known here count as always decodable.
    """
    match mime_type.lower():
        case "video/h264":
            return _h264_has_sps(payload)
        case "video/vp8":
            return _vp8_starts_keyframe(payload)
        case _:
            return True


def _h264_has_sps(payload: bytes) -> bool:
    if not payload:
        return False
    kind = payload[0] & 0x1F
    if kind == _SPS:
        return True
    if kind == _FU_A:
        return len(payload) > 1 and bool(payload[1] & 0x80) and payload[1] & 0x1F == _SPS
    if kind != _STAP_A:
        return False
    at = 1
    while at + 2 < len(payload):
        if payload[at + 2] & 0x1F == _SPS:
            return True
        at += 2 + int.from_bytes(payload[at : at + 2], "big")
    return False


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """Where the fields of a VP8 payload descriptor are; -1 where there is none."""

    size: int
    starts_partition: bool
    picture_id_at: int = -1
    picture_id_bits: int = 0
    tl0_at: int = -1


def read_vp8(payload: bytes) -> Vp8Descriptor | None:
    """The payload descriptor, or None when it is cut short."""
    if not payload:
        return None
    starts = payload[0] & 0x17 == 0x10
    if not payload[0] & 0x80:
        return Vp8Descriptor(1, starts)
    if len(payload) < 2:
        return None
    flags, at = payload[1], 2
    picture_id_at, bits, tl0_at = -1, 0, -1
    if flags & 0x80:
        if len(payload) <= at:
            return None
        picture_id_at, bits = at, 15 if payload[at] & 0x80 else 7
        at += 2 if bits == 15 else 1
    if flags & 0x40:
        tl0_at = at
        at += 1
    if flags & 0x30:
        at += 1
    return None if len(payload) < at else Vp8Descriptor(at, starts, picture_id_at, bits, tl0_at)


def _vp8_starts_keyframe(payload: bytes) -> bool:
    descriptor = read_vp8(payload)
    if descriptor is None or not descriptor.starts_partition or len(payload) <= descriptor.size:
        return False
    return payload[descriptor.size] & 1 == 0


class Vp8Renumbering:
    """Keeps picture numbers rising by one when a consumer is switched to another encoder's stream."""

    def __init__(self) -> None:
        self._picture_offset = 0
        self._tl0_offset = 0
        self._last_picture = -1
        self._last_tl0 = -1

    def rewrite(self, payload: bytes, *, first_of_stream: bool) -> bytes:
        """The payload with its numbers moved; `first_of_stream` says that another encoder starts here."""
        descriptor = read_vp8(payload)
        if descriptor is None or (descriptor.picture_id_at < 0 and descriptor.tl0_at < 0):
            return payload
        if first_of_stream:
            self._start(payload, descriptor)
        changed = bytearray(payload)
        if descriptor.picture_id_at >= 0:
            self._write_picture(changed, descriptor)
        if descriptor.tl0_at >= 0:
            self._last_tl0 = (payload[descriptor.tl0_at] + self._tl0_offset) & 0xFF
            changed[descriptor.tl0_at] = self._last_tl0
        return bytes(changed)

    def _start(self, payload: bytes, descriptor: Vp8Descriptor) -> None:
        if descriptor.picture_id_at >= 0 and self._last_picture >= 0:
            self._picture_offset = self._last_picture + 1 - _picture_id(payload, descriptor)
        if descriptor.tl0_at >= 0 and self._last_tl0 >= 0:
            self._tl0_offset = self._last_tl0 + 1 - payload[descriptor.tl0_at]

    def _write_picture(self, changed: bytearray, descriptor: Vp8Descriptor) -> None:
        at = descriptor.picture_id_at
        number = _picture_id(changed, descriptor) + self._picture_offset
        if descriptor.picture_id_bits == 15:
            self._last_picture = number & 0x7FFF
            changed[at : at + 2] = (self._last_picture | 0x8000).to_bytes(2, "big")
        else:
            self._last_picture = number & 0x7F
            changed[at] = self._last_picture


def _picture_id(payload: bytes | bytearray, descriptor: Vp8Descriptor) -> int:
    at = descriptor.picture_id_at
    if descriptor.picture_id_bits == 15:
        return int.from_bytes(payload[at : at + 2], "big") & 0x7FFF
    return payload[at] & 0x7F
