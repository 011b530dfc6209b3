"""Packets, payloads, numbers and times: the pure parts of forwarding."""

from __future__ import annotations

import random

import pytest
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.sandbox.sfu import packet as packets
from edgemeet.sandbox.sfu.history import History
from edgemeet.sandbox.sfu.payload import Vp8Renumbering, read_vp8, starts_keyframe
from edgemeet.sandbox.sfu.reception import RateMeter, ReceptionStatistics
from edgemeet.sandbox.sfu.sequence import MAX_TRIES, RETRY_AFTER, Arrival, GapTracker, SequenceRewriter
from edgemeet.sandbox.sfu.timeline import SenderClock, TimestampRewriter, to_ntp
from edgemeet.sandbox.speaker import SpeakerChoice

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFF_FFFF)


@given(
    st.integers(0, 127), u16, u32, u32, st.booleans(), st.binary(max_size=60),
    st.dictionaries(st.integers(1, 255), st.binary(max_size=30), max_size=4),
)  # fmt: skip
def test_a_built_packet_reads_back_and_aiortc_agrees(
    pt, sequence, timestamp, ssrc, marker, payload, values
) -> None:
    data = packets.build(
        payload_type=pt,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=0x80 if marker else 0,
        extension=packets.extension_block(values.items()),
        payload=payload,
    )
    view = packets.parse(data)
    assert (view.payload_type, view.sequence, view.timestamp, view.ssrc) == (pt, sequence, timestamp, ssrc)
    assert bool(view.marker) is marker
    assert view.payload == payload
    assert view.extensions() == values
    theirs = RtpPacket.parse(data, HeaderExtensionsMap())
    assert (theirs.payload_type, theirs.sequence_number, theirs.timestamp) == (pt, sequence, timestamp)
    assert (theirs.ssrc, theirs.payload, bool(theirs.marker)) == (ssrc, payload, marker)

    rtx = packets.parse(packets.wrap_rtx(data, payload_type=97, sequence=5, ssrc=9))
    assert (rtx.payload_type, rtx.sequence, rtx.ssrc, rtx.timestamp) == (97, 5, 9, timestamp)
    again = packets.unwrap_rtx(rtx, payload_type=pt, ssrc=ssrc)
    assert again.data == data


@given(st.binary(max_size=100))
def test_any_bytes_are_parsed_or_refused(data) -> None:
    view = packets.parse(data)
    if view is not None:
        view.extensions()
        assert 0 <= view.media_size <= len(data)
        packets.unwrap_rtx(view, payload_type=1, ssrc=1)
    for mime_type in ("video/H264", "video/VP8", "audio/opus"):
        starts_keyframe(mime_type, data)
    Vp8Renumbering().rewrite(data, first_of_stream=True)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (bytes([0x67, 1, 2]), True),  # SPS alone
        (bytes([0x65, 1, 2]), False),  # IDR without SPS
        (bytes([0x78, 0, 2, 0x67, 1, 0, 1, 0x68]), True),  # STAP-A of SPS and PPS
        (bytes([0x78, 0, 1, 0x68, 0, 2, 0x67, 1]), True),
        (bytes([0x78, 0, 2, 0x61, 1]), False),
        (bytes([0x7C, 0x87, 1]), True),  # FU-A, start of an SPS
        (bytes([0x7C, 0x07, 1]), False),
        (bytes([0x61, 1]), False),
        (b"", False),
    ],
)
def test_h264_keyframes(payload, expected) -> None:
    assert starts_keyframe("video/H264", payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (bytes([0x10, 0x00]), True),
        (bytes([0x10, 0x01]), False),
        (bytes([0x00, 0x00]), False),  # not the partition's start
        (bytes([0x90, 0x80, 0x81, 0x02, 0x00]), True),
        (bytes([0x90, 0x80, 0x81, 0x02, 0x01]), False),
        (bytes([0x90, 0x80]), False),
        (b"", False),
    ],
)
def test_vp8_keyframes(payload, expected) -> None:
    assert starts_keyframe("video/VP8", payload) is expected


def test_vp8_picture_numbers_go_on_across_encoders() -> None:
    def payload(picture: int, tl0: int) -> bytes:
        return bytes([0x90, 0xC0]) + (picture | 0x8000).to_bytes(2, "big") + bytes([tl0, 0x00])

    renumbering = Vp8Renumbering()
    sent = [renumbering.rewrite(payload(n, n & 0xFF), first_of_stream=False) for n in (0x7FFE, 0x7FFF)]
    sent += [renumbering.rewrite(payload(100, 9), first_of_stream=True)]
    sent += [renumbering.rewrite(payload(101, 10), first_of_stream=False)]
    numbers = [int.from_bytes(each[2:4], "big") & 0x7FFF for each in sent]
    assert numbers == [0x7FFE, 0x7FFF, 0, 1]
    assert [each[4] for each in sent] == [0xFE, 0xFF, 0, 1]
    assert read_vp8(sent[0]).size == 5


@given(st.integers(0, 0xFFFF), st.sets(st.integers(1, 200), max_size=40))
def test_missing_packets_are_known(first, lost) -> None:
    tracker = GapTracker()
    for index in range(202):
        if index not in lost:
            tracker.receive((first + index) & 0xFFFF, 0.0)
    expected = {(first + index) & 0xFFFF for index in lost}
    assert tracker.missing == expected
    assert set(tracker.due(0.0)) == expected
    assert tracker.due(0.0) == []
    for sequence in expected:
        assert tracker.receive(sequence, 1.0) is Arrival.RECOVERED
        assert tracker.receive(sequence, 1.0) is Arrival.DUPLICATE
    assert not tracker.missing


def test_a_packet_that_never_comes_is_given_up() -> None:
    tracker = GapTracker()
    tracker.receive(1, 0.0)
    tracker.receive(3, 0.0)
    asked = sum(bool(tracker.due(number * RETRY_AFTER)) for number in range(100))
    assert asked == MAX_TRIES
    assert not tracker.missing
    assert tracker.receive(40_000, 9.0) is Arrival.RESTART


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.lists(st.booleans(), min_size=1, max_size=3000))
def test_dropped_packets_leave_no_gap(first_in, first_out, kept) -> None:
    rewriter = SequenceRewriter(first_out)
    rewriter.start(first_in)
    out = []
    for index, keep in enumerate(kept):
        sequence = (first_in + index) & 0xFFFF
        if keep or index == 0:
            out.append(rewriter.rewrite(sequence))
        else:
            rewriter.drop(sequence)
    assert out == [(first_out + index) & 0xFFFF for index in range(len(out))]


def test_sequences_over_many_wraps_and_stretches() -> None:
    rng = random.Random(5)
    rewriter = SequenceRewriter(65_000)
    expected = 65_000
    for _ in range(4):
        start = rng.randrange(0x10000)
        rewriter.start(start)
        for index in range(70_000):
            assert rewriter.rewrite((start + index) & 0xFFFF) == expected & 0xFFFF
            expected += 1
    rewriter.start(500)
    assert rewriter.rewrite(499) is None  # from before the stretch
    assert rewriter.rewrite(500) == expected & 0xFFFF
    assert rewriter.rewrite(502) == (expected + 2) & 0xFFFF  # a loss stays a gap
    assert rewriter.rewrite(501) == (expected + 1) & 0xFFFF


def test_timestamps_step_by_the_senders_clocks() -> None:
    rewriter = TimestampRewriter(90_000)
    low = SenderClock(to_ntp(1000.0), 5_000, 0.0)
    high = SenderClock(to_ntp(1000.0), 4_000_000_000, 0.0)
    rewriter.start(5_000, 10.0, low)
    assert rewriter.rewrite(5_000, 10.0, low) == 5_000
    # 40 ms later by the senders' clocks; the packet itself came after 300 ms.
    rewriter.start((4_000_000_000 + 3_600) & 0xFFFF_FFFF, 10.3, high)
    assert rewriter.rewrite((4_000_000_000 + 3_600) & 0xFFFF_FFFF, 10.3, high) == 8_600
    # Without reports the arrival counts.
    rewriter.start(77, 10.4, None)
    assert rewriter.rewrite(77, 10.4, None) == 8_600 + 9_000


def test_history_forgets_and_holds_back() -> None:
    history = History(size=2)
    for sequence in (1, 2, 3):
        history.add(sequence, bytes([sequence]))
    assert history.take(1, 5.0) is None
    assert history.take(2, 5.0) == b"\x02"
    assert history.take(2, 5.01) is None
    assert history.take(2, 5.03) == b"\x02"


def test_reception_counts_loss_and_jitter() -> None:
    statistics = ReceptionStatistics(8000)
    for number in range(100):
        if number % 10 != 5:
            late = 0.005 if number % 2 else 0.0
            statistics.add((65_530 + number) & 0xFFFF, number * 160, number * 0.02 + late)
    report = statistics.report(7, SenderClock(0x1234_5678_9ABC_DEF0, 0, 1.5), 2.0)
    assert report.packets_lost == 10
    assert report.fraction_lost == 25  # of 256
    assert report.highest_sequence == 65_530 + 99
    assert report.lsr == 0x5678_9ABC
    assert report.dlsr == 32768
    assert 0.003 < statistics.jitter_seconds < 0.006
    assert statistics.report(7, None, 3.0).fraction_lost == 0


def test_the_rate_is_that_of_the_last_second() -> None:
    meter = RateMeter()
    for number in range(300):
        meter.add(1000, number * 0.01)
    assert meter.bits_per_second(3.0) == pytest.approx(800_000, rel=0.07)
    assert meter.bits_per_second(9.0) == 0


def test_the_speaker_does_not_flicker() -> None:
    choice = SpeakerChoice()
    assert choice.update({"a": 100, "b": 99}, 0.0) == (True, "a")
    assert choice.update({"a": 99, "b": 100}, 0.3) == (False, "a")
    assert choice.update({"a": 60, "b": 100}, 0.6) == (True, "b")
    assert choice.update({"a": 60, "b": 60}, 1.0) == (False, "b")
    assert choice.update({}, 3.0) == (True, None)
