from __future__ import annotations

import pytest
from aiortc import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, unpack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.ortc.header_extensions import (
    ABS_CAPTURE_TIME,
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_WIDE_CC,
)
from edgemeet.ortc.parameters import RtpHeaderExtensionParameters
from edgemeet.rtc.rtp_header import HeaderWriter

extension_ids = st.dictionaries(
    st.sampled_from([MID, ABS_SEND_TIME, AUDIO_LEVEL, "urn:example:unknown"]), st.integers(1, 255)
).filter(lambda ids: len(set(ids.values())) == len(ids))


def read(packet: bytes, ids: dict[str, int]) -> RtpPacket:
    names = HeaderExtensionsMap()
    names.configure(
        RTCRtpParameters(
            headerExtensions=[RTCRtpHeaderExtensionParameters(id=n, uri=uri) for uri, n in ids.items()]
        )
    )
    return RtpPacket.parse(packet, names)


@given(
    ids=extension_ids,
    mid=st.text("abcdefgh0123", min_size=1, max_size=20),
    level=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    marker=st.booleans(),
    now=st.floats(0, 1e9),
)
def test_aiortc_reads_the_header(
    ids: dict[str, int], mid: str, level: int, sequence: int, timestamp: int, *, marker: bool, now: float
) -> None:
    extensions = [RtpHeaderExtensionParameters(uri=uri, id=number) for uri, number in ids.items()]
    writer = HeaderWriter(96, 0xDEADBEEF, extensions, mid)
    packet = read(
        writer.write(sequence, timestamp, marker=marker, now=now, audio_level=level) + b"payload", ids
    )
    assert (packet.sequence_number, packet.timestamp, packet.ssrc) == (sequence, timestamp, 0xDEADBEEF)
    assert (packet.payload_type, packet.marker, packet.payload) == (96, int(marker), b"payload")
    found = packet.extensions
    assert found.mid == (mid if MID in ids else None)
    assert found.abs_send_time == (int(now * (1 << 18)) & 0xFFFFFF if ABS_SEND_TIME in ids else None)
    assert (found.audio_level and found.audio_level[1]) == (level if AUDIO_LEVEL in ids else None)


def test_without_extensions_there_is_no_block() -> None:
    header = HeaderWriter(96, 1, (), None).write(7, 8, marker=False, now=1.0)
    assert header == bytes.fromhex("80600007 00000008 00000001")


@pytest.mark.parametrize(
    ("level", "voice"), [(0, True), (59, True), (60, False), (127, False), (None, False)]
)
def test_voice_is_what_is_loud(level: int | None, *, voice: bool) -> None:
    writer = HeaderWriter(96, 1, [RtpHeaderExtensionParameters(uri=AUDIO_LEVEL, id=10)], None)
    packet = read(writer.write(7, 8, marker=False, now=1.0, audio_level=level), {AUDIO_LEVEL: 10})
    assert packet.extensions.audio_level == (voice, 127 if level is None else level)


@pytest.mark.parametrize("uri", [RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID], ids=["media", "repeated"])
@pytest.mark.parametrize("rid", ["q", "a-name-of-20-letters"], ids=["short", "long"])
def test_the_encoding_is_named_where_there_are_several(uri: str, rid: str) -> None:
    ids = {MID: 1, RTP_STREAM_ID: 2, REPAIRED_RTP_STREAM_ID: 3}
    extensions = [RtpHeaderExtensionParameters(uri=uri, id=number) for uri, number in ids.items()]
    header = HeaderWriter(96, 1, extensions, "0", rid=(uri, rid)).write(7, 8, marker=False, now=1.0)
    found = read(header + b"payload", ids).extensions
    assert found.mid == "0"
    assert found.rtp_stream_id == (rid if uri == RTP_STREAM_ID else None)
    assert found.repaired_rtp_stream_id == (rid if uri == REPAIRED_RTP_STREAM_ID else None)


def test_a_name_that_was_not_negotiated_is_left_out() -> None:
    header = HeaderWriter(96, 1, (), None, rid=(RTP_STREAM_ID, "q")).write(7, 8, marker=False, now=1.0)
    assert len(header) == 12


@pytest.mark.parametrize("numbered", [True, False])
@pytest.mark.parametrize("timed", [True, False])
def test_number_and_time_of_capture(*, numbered: bool, timed: bool) -> None:
    ids = {MID: 1, ABS_CAPTURE_TIME: 13} | ({TRANSPORT_WIDE_CC: 5} if numbered else {})
    extensions = [RtpHeaderExtensionParameters(uri=uri, id=number) for uri, number in ids.items()]
    writer = HeaderWriter(96, 1, extensions, "video", capture_time=timed)
    header = writer.write(7, 8, marker=False, now=1.0, number=0xABCD, captured=0x0102030405060708)
    assert len(header) == writer.size
    assert (writer.is_numbered, writer.tells_capture_time) == (numbered, timed)
    packet = read(header + b"payload", ids)
    assert packet.payload == b"payload"
    assert packet.extensions.mid == "video"
    found = dict(unpack_header_extensions(*_block(header)))
    assert found.get(5) == (b"\xab\xcd" if numbered else None)
    assert found.get(13) == (bytes(range(1, 9)) if timed else None)


def _block(header: bytes) -> tuple[int, bytes]:
    return int.from_bytes(header[12:14], "big"), header[16:]
