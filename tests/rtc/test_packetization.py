from __future__ import annotations

from struct import unpack_from

import pytest
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc import h264, vp8

LIMIT = 1200


def escaped(data: bytes) -> bytes:
    """A NAL unit's bytes hold no start code and end in no zero; an encoder sees to that."""
    for code in (b"\x00\x00\x00", b"\x00\x00\x01"):
        while code in data:
            data = data.replace(code, b"\x00\x00\x03\x01")
    return data + b"\x80"


nal_units = st.builds(
    lambda header, body, repeat: bytes((header,)) + escaped(body * repeat),
    st.integers(1, 23).map(lambda kind: 0x60 | kind),
    st.binary(min_size=1, max_size=64),
    st.integers(1, 80),
)
access_units = st.lists(
    st.tuples(st.sampled_from([b"\0\0\1", b"\0\0\0\1"]), nal_units), min_size=1, max_size=12
)


def depacketized(payloads: list[bytes]) -> list[bytes]:
    """RFC 6184 read backwards, written apart from the code under test."""
    units: list[bytes] = []
    for payload in payloads:
        kind = payload[0] & 0x1F
        if kind == 24:
            position = 1
            while position < len(payload):
                (size,) = unpack_from("!H", payload, position)
                units.append(payload[position + 2 : position + 2 + size])
                position += 2 + size
        elif kind == 28:
            if payload[1] & 0x80:
                units.append(bytes((payload[0] & 0xE0 | payload[1] & 0x1F,)))
            units[-1] += payload[2:]
        else:
            units.append(payload)
    return units


@given(access_units, st.integers(16, LIMIT))
def test_h264_survives_packets(unit: list[tuple[bytes, bytes]], limit: int) -> None:
    payloads = h264.packetize(b"".join(code + nal for code, nal in unit), limit)
    assert depacketized(payloads) == [nal for _, nal in unit]
    assert max(map(len, payloads)) <= limit


@given(access_units)
def test_aiortc_reads_our_h264(unit: list[tuple[bytes, bytes]]) -> None:
    payloads = h264.packetize(b"".join(code + nal for code, nal in unit), LIMIT)
    read = b"".join(H264PayloadDescriptor.parse(payload)[1] for payload in payloads)
    assert read == b"".join(b"\0\0\0\1" + nal for _, nal in unit)


def test_fragments_carry_start_and_end() -> None:
    payloads = h264.packetize(b"\0\0\1\x65" + b"\xaa" * 4000, LIMIT)
    assert [payload[1] & 0xC0 for payload in payloads] == [0x80, 0, 0, 0x40]
    assert max(map(len, payloads)) - min(map(len, payloads)) < 4


@pytest.mark.parametrize("data", [b"", b"\x65\xaa", b"\0\0\1", b"\0\0\0\1\0\0\0"])
def test_what_is_not_annex_b_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="Annex B"):
        h264.packetize(data, LIMIT)


@given(st.binary(min_size=1, max_size=5000), st.integers(0, vp8.PICTURE_IDS - 1), st.integers(5, LIMIT))
def test_vp8_survives_packets(data: bytes, picture_id: int, limit: int) -> None:
    payloads = vp8.packetize(data, picture_id, limit)
    parsed = [VpxPayloadDescriptor.parse(payload) for payload in payloads]
    assert b"".join(rest for _, rest in parsed) == data
    assert [descriptor.partition_start for descriptor, _ in parsed] == [1] + [0] * (len(parsed) - 1)
    assert {descriptor.picture_id for descriptor, _ in parsed} == {picture_id}
    assert max(map(len, payloads)) <= limit


def test_an_empty_vp8_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        vp8.packetize(b"", 1, LIMIT)
