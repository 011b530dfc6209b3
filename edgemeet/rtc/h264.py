"""H.264 access units to RTP payloads, packetization-mode 1 (RFC 6184)."""

from __future__ import annotations

from struct import pack

_FU_A = 28
_STAP_A = 24


def split_nal_units(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream, without start codes and the zeros around them."""
    units: list[bytes] = []
    start = data.find(b"\x00\x00\x01")
    while start != -1:
        begin = start + 3
        start = data.find(b"\x00\x00\x01", begin)
        # A NAL unit never ends in a zero byte; what stands there belongs to the next start code.
        unit = (data[begin:] if start == -1 else data[begin:start]).rstrip(b"\x00")
        if unit:
            units.append(unit)
    return units


def packetize(data: bytes, limit: int) -> list[bytes]:
    """The payloads, each of at most `limit` bytes: small NAL units together, large ones in fragments.

    Raises:
        ValueError: no NAL unit in `data`, which is then no Annex B.
    """
    payloads: list[bytes] = []
    together: list[bytes] = []
    size = 1
    for unit in split_nal_units(data):
        if together and size + 2 + len(unit) > limit:
            payloads.append(_aggregate(together))
            together, size = [], 1
        if len(unit) > limit:
            payloads.extend(_fragment(unit, limit))
        else:
            together.append(unit)
            size += 2 + len(unit)
    if together:
        payloads.append(_aggregate(together))
    if not payloads:
        raise ValueError("no H.264 start code found; access units must be in Annex B format")
    return payloads


def _aggregate(units: list[bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    forbidden = 0
    importance = 0
    for unit in units:
        forbidden |= unit[0] & 0x80
        importance = max(importance, unit[0] & 0x60)
    parts = [bytes((forbidden | importance | _STAP_A,))]
    for unit in units:
        parts.append(pack("!H", len(unit)))
        parts.append(unit)
    return b"".join(parts)


def _fragment(unit: bytes, limit: int) -> list[bytes]:
    indicator = (unit[0] & 0xE0) | _FU_A
    kind = unit[0] & 0x1F
    room = limit - 2
    length = len(unit) - 1
    count = -(-length // room)
    # Fragments of equal size: a short last one would be paced like a full one for nothing.
    step = -(-length // count)
    payloads: list[bytes] = []
    for begin in range(1, len(unit), step):
        end = begin + step
        flags = (0x80 if begin == 1 else 0) | (0x40 if end >= len(unit) else 0)
        payloads.append(bytes((indicator, flags | kind)) + unit[begin:end])
    return payloads
