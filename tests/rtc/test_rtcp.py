from __future__ import annotations

import contextlib

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSrPacket,
    pack_remb_fci,
)
from hypothesis import example, given
from hypothesis import strategies as st

from edgemeet.rtc import rtcp

words = st.integers(0, 0xFFFFFFFF)


@given(words, st.integers(0, 255), st.integers(-(1 << 23), (1 << 23) - 1), words, words, words, words)
def test_reports_are_read(
    ssrc: int, fraction: int, lost: int, highest: int, jitter: int, last: int, delay: int
) -> None:
    info = RtcpReceiverInfo(ssrc, fraction, lost, highest, jitter, last, delay)
    block = rtcp.ReportBlock(ssrc, fraction, lost, highest, jitter, last, delay)
    assert rtcp.parse(bytes(RtcpRrPacket(ssrc=1, reports=[info, info]))) == [block, block]


@given(words, st.integers(0, 0xFFFF), st.sets(st.integers(0, 200), min_size=1))
def test_lost_packets_are_read_over_the_wrap(ssrc: int, start: int, offsets: set[int]) -> None:
    # aiortc writes NACKs for ascending numbers; the wrap is put in afterwards.
    data = bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=sorted(offsets)))
    body = b"".join(
        ((int.from_bytes(data[i : i + 2], "big") + start) & 0xFFFF).to_bytes(2, "big") + data[i + 2 : i + 4]
        for i in range(12, len(data), 4)
    )
    (nack,) = rtcp.parse(data[:12] + body)
    assert isinstance(nack, rtcp.Nack)
    assert nack.ssrc == ssrc
    assert set(nack.sequences) == {(start + offset) & 0xFFFF for offset in offsets}


def test_keyframe_requests_are_read() -> None:
    pli = bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=7))
    # A full intra request names its stream in the entry and not in the header.
    fir = bytes(RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=bytes.fromhex("00000007 2a000000")))
    assert rtcp.parse(pli + fir) == [rtcp.PictureLoss(7), rtcp.FullIntraRequest(7, 0x2A)]


@pytest.mark.parametrize("bitrate", [0, 100_000, 262_143, 1 << 22])
def test_bandwidth_is_read(bitrate: int) -> None:
    data = bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(bitrate, [5, 6])))
    assert rtcp.parse(data) == [rtcp.BandwidthEstimate(bitrate, (5, 6))]


def test_a_remb_that_counts_more_streams_than_it_holds_is_malformed() -> None:
    fci = bytearray(pack_remb_fci(100_000, [5]))
    fci[4] = 200
    with pytest.raises(rtcp.RtcpMalformed):
        rtcp.parse(bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=bytes(fci))))


def test_the_unknown_is_passed_over() -> None:
    unknown = bytes.fromhex("8ecd0003 00000001 00000002 00000000")
    pli = bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=7))
    assert rtcp.parse(unknown + pli) == [rtcp.PictureLoss(7)]


@given(st.binary(max_size=200))
@example(bytes.fromhex("a0c90000"))
def test_rubbish_is_refused_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(rtcp.RtcpMalformed):
        rtcp.parse(data)


@given(
    st.sampled_from([200, 201, 205, 206]),
    st.integers(0, 31),
    st.binary(max_size=120).filter(lambda body: len(body) % 4 == 0),
)
def test_rubbish_in_a_valid_frame_is_refused_and_nothing_else(kind: int, count: int, body: bytes) -> None:
    header = bytes((0x80 | count, kind)) + (len(body) // 4).to_bytes(2, "big")
    with contextlib.suppress(rtcp.RtcpMalformed):
        rtcp.parse(header + body)


@given(words, st.integers(0, (1 << 64) - 1), words, st.integers(0, 1 << 40), st.text("abc", max_size=40))
def test_aiortc_reads_our_reports(ssrc: int, ntp: int, timestamp: int, count: int, cname: str) -> None:
    data = rtcp.sender_report(ssrc, ntp, timestamp, count, count)
    data += rtcp.source_description(ssrc, cname)
    report, names = RtcpPacket.parse(data)
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.ntp_timestamp) == (ssrc, ntp)
    assert report.sender_info.rtp_timestamp == timestamp
    assert report.sender_info.packet_count == count & 0xFFFFFFFF
    assert isinstance(names, RtcpSdesPacket)
    assert names.chunks[0].items == [(1, cname.encode())]


def test_a_source_is_described_as_rfc_3550_says() -> None:
    # One chunk of SSRC, CNAME item and at least one zero up to a multiple of four.
    assert rtcp.source_description(1, "camera") == bytes.fromhex(
        "81ca0004 00000001 0106"
    ) + b"camera" + bytes(4)
