"""H.264 byte streams (ITU-T H.264, annex B): just enough to look at access units."""

from __future__ import annotations

from collections.abc import Iterator

SLICE = 1
IDR_SLICE = 5
SPS = 7
PPS = 8
ACCESS_UNIT_DELIMITER = 9

_START_CODE = b"\x00\x00\x01"


def nal_types(data: bytes) -> Iterator[int]:
    """The nal_unit_type of each NAL unit, in order."""
    start = data.find(_START_CODE)
    while start >= 0 and start + 3 < len(data):
        yield data[start + 3] & 0x1F
        start = data.find(_START_CODE, start + 3)


def nal_units(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The nal_unit_type of each NAL unit and its bytes with its start code, in order."""
    start = data.find(_START_CODE)
    while start >= 0 and start + 3 < len(data):
        following = data.find(_START_CODE, start + 3)
        begin = start - 1 if start and data[start - 1] == 0 else start
        end = len(data) if following < 0 else following
        if following > 0 and data[following - 1] == 0:
            end -= 1
        yield data[start + 3] & 0x1F, data[begin:end]
        start = following


def with_parameter_sets(data: bytes, headers: bytes) -> bytes:
    """The access unit with SPS and PPS: its own if it has any, else `headers` (in Annex B) before it."""
    for nal_type in nal_types(data):
        if nal_type == SPS:
            return data
        if nal_type in (SLICE, IDR_SLICE):
            break
    return headers + data


class ParameterSets:
    """Puts SPS and PPS before keyframes of encoders that send them once, or apart from the pictures.

    `headers`: what is known before the first picture, in Annex B.
    """

    def __init__(self, headers: bytes = b"") -> None:
        self._known = {kind: unit for kind, unit in nal_units(headers) if kind in (SPS, PPS)}

    def complete(self, data: bytes) -> tuple[bytes, bool] | None:
        """The access unit as a receiver needs it, and whether it is a keyframe; None without a picture."""
        keyframe = picture = False
        own: set[int] = set()
        for kind, unit in nal_units(data):
            if kind in (SPS, PPS):
                self._known[kind] = unit
                own.add(kind)
            elif kind in (SLICE, IDR_SLICE):
                picture = True
                keyframe = keyframe or kind == IDR_SLICE
                break  # what follows are more slices of the same picture
        if not picture:
            return None
        missing = b"".join(self._known.get(kind, b"") for kind in (SPS, PPS) if kind not in own)
        if not keyframe or not missing:
            return data, keyframe
        first, unit = next(nal_units(data))
        if first == ACCESS_UNIT_DELIMITER:  # nothing may stand before it
            return unit + missing + data[len(unit) :], True
        return missing + data, True
