"""H.264 byte streams (ITU-T H.264, annex B): just enough to look at access units."""

from __future__ import annotations

from collections.abc import Iterator

SLICE = 1
IDR_SLICE = 5
SPS = 7
PPS = 8

_START_CODE = b"\x00\x00\x01"


def nal_types(data: bytes) -> Iterator[int]:
    """The nal_unit_type of each NAL unit, in order."""
    start = data.find(_START_CODE)
    while start >= 0 and start + 3 < len(data):
        yield data[start + 3] & 0x1F
        start = data.find(_START_CODE, start + 3)


def with_parameter_sets(data: bytes, headers: bytes) -> bytes:
    """The access unit with SPS and PPS: its own if it has any, else `headers` (in Annex B) before it."""
    for nal_type in nal_types(data):
        if nal_type == SPS:
            return data
        if nal_type in (SLICE, IDR_SLICE):
            break
    return headers + data
