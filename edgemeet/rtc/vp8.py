"""VP8 frames to RTP payloads (RFC 7741)."""

from __future__ import annotations

from struct import pack

PICTURE_IDS = 1 << 15  # the long form of the picture id has 15 bits


def packetize(data: bytes, picture_id: int, limit: int) -> list[bytes]:
    """The payloads, each of at most `limit` bytes, with the picture id in every descriptor.

    Raises:
        ValueError: `data` is empty.
    """
    if not data:
        raise ValueError("an empty VP8 frame")
    # X, then I, then the picture id with M set; S marks the first packet of the frame.
    first = pack("!BBH", 0x90, 0x80, 0x8000 | picture_id)
    others = pack("!BBH", 0x80, 0x80, 0x8000 | picture_id)
    count = -(-len(data) // (limit - 4))
    step = -(-len(data) // count)
    return [
        (first if begin == 0 else others) + data[begin : begin + step] for begin in range(0, len(data), step)
    ]
