"""RTP packets as bytes: looking into a header and writing a new one, without parsing more than is needed.

A forwarding server sees every packet of every stream; building an object for each is where the time goes.
Formats: RFC 3550 (header), RFC 8285 (extensions), RFC 4588 (retransmissions).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

_FIXED: Final = struct.Struct("!BBHLL")
_EXTENSION: Final = struct.Struct("!HH")
ONE_BYTE_PROFILE: Final = 0xBEDE
TWO_BYTE_PROFILE: Final = 0x1000


class RtpView:
    """Where things are in one RTP packet. `data` is never changed."""

    __slots__ = ("_extension", "data", "marker", "padding", "payload_at", "payload_type", "sequence", "ssrc",
                 "timestamp")  # fmt: skip

    def __init__(
        self,
        data: bytes,
        fixed: tuple[int, int, int, int, int],
        extension: tuple[int, int, int],
        payload_at: int,
    ) -> None:
        first, second, self.sequence, self.timestamp, self.ssrc = fixed
        self.data = data
        self.marker = second & 0x80
        self.payload_type = second & 0x7F
        self.padding = first & 0x20
        self.payload_at = payload_at
        self._extension = extension

    @property
    def payload(self) -> bytes:
        """What follows the header, padding included."""
        return self.data[self.payload_at :]

    @property
    def media_size(self) -> int:
        """Bytes of payload without padding; 0 for a packet that only probes the path."""
        size = len(self.data) - self.payload_at
        return max(0, size - self.data[-1]) if self.padding and size else size

    def extensions(self) -> dict[int, bytes]:
        """Header extensions by id. One that is cut short ends the list."""
        profile, at, end = self._extension
        if profile == ONE_BYTE_PROFILE:
            return _read_one_byte(self.data, at, end)
        if profile & 0xFFF0 == TWO_BYTE_PROFILE:
            return _read_two_byte(self.data, at, end)
        return {}


def parse(data: bytes) -> RtpView | None:
    """The packet's view, or None when it is no RTP packet."""
    size = len(data)
    if size < _FIXED.size or data[0] >> 6 != 2:
        return None
    payload_at = _FIXED.size + 4 * (data[0] & 0x0F)
    extension = (0, 0, 0)
    if data[0] & 0x10:
        if size < payload_at + 4:
            return None
        profile, words = _EXTENSION.unpack_from(data, payload_at)
        payload_at += 4
        extension = (profile, payload_at, payload_at + 4 * words)
        payload_at += 4 * words
    if size < payload_at:
        return None
    return RtpView(data, _FIXED.unpack_from(data), extension, payload_at)


def _read_one_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        if data[at] == 0:
            at += 1
            continue
        identifier, length = data[at] >> 4, (data[at] & 0x0F) + 1
        at += 1
        if identifier == 15 or at + length > end:  # 15 ends the list, by RFC 8285
            break
        found[identifier] = data[at : at + length]
        at += length
    return found


def _read_two_byte(data: bytes, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + 1 < end:
        if data[at] == 0:
            at += 1
            continue
        identifier, length = data[at], data[at + 1]
        at += 2
        if at + length > end:
            break
        found[identifier] = data[at : at + length]
        at += length
    return found


def extension_block(values: Iterable[tuple[int, bytes]]) -> bytes:
    """The header extension with these ids and values, its own 4-byte header included; b"" for none."""
    items = tuple(values)
    if not items:
        return b""
    if all(0 < identifier < 15 and 0 < len(value) <= 16 for identifier, value in items):
        profile = ONE_BYTE_PROFILE
        body = b"".join(bytes(((identifier << 4) | (len(value) - 1),)) + value for identifier, value in items)
    else:
        profile = TWO_BYTE_PROFILE
        body = b"".join(bytes((identifier, len(value))) + value for identifier, value in items)
    body += bytes(-len(body) % 4)
    return _EXTENSION.pack(profile, len(body) // 4) + body


def build(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    marker: int = 0,
    padding: int = 0,
    extension: bytes = b"",
    payload: bytes,
) -> bytes:
    """A whole packet.

    `marker` and `padding` are bits in place, as in `RtpView`; with padding the payload ends with it.
    `extension` comes from `extension_block`.
    """
    first = 0x80 | padding | (0x10 if extension else 0)
    head = _FIXED.pack(first, marker | payload_type, sequence, timestamp, ssrc)
    return head + extension + payload if extension else head + payload


def wrap_rtx(packet: bytes, *, payload_type: int, sequence: int, ssrc: int) -> bytes:
    """The retransmission of a packet made by `build`."""
    view = parse(packet)
    assert view is not None, "only packets of our own are sent again"
    return build(
        payload_type=payload_type,
        sequence=sequence,
        timestamp=view.timestamp,
        ssrc=ssrc,
        marker=view.marker,
        padding=view.padding,
        extension=packet[_FIXED.size : view.payload_at],
        payload=view.sequence.to_bytes(2, "big") + view.payload,
    )


def unwrap_rtx(rtx: RtpView, *, payload_type: int, ssrc: int) -> RtpView | None:
    """The packet inside a retransmission, or None for one that only probes the path."""
    if rtx.media_size < 2:
        return None
    at = rtx.payload_at
    return parse(
        build(
            payload_type=payload_type,
            sequence=int.from_bytes(rtx.data[at : at + 2], "big"),
            timestamp=rtx.timestamp,
            ssrc=ssrc,
            marker=rtx.marker,
            padding=rtx.padding,
            extension=extension_block(rtx.extensions().items()),
            payload=rtx.data[at + 2 :],
        )
    )
