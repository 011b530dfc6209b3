from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
    pack_remb_fci,
)

from edgemeet.encoded import AccessUnit, VideoCodec
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc import Sender
from edgemeet.rtc.audience import STOP_AFTER
from edgemeet.rtc.probing import FIRST_REST

if TYPE_CHECKING:
    from tests.rtc.conftest import Path

KEY = b"\0\0\1\x65" + b"\xaa" * 3000
DELTA = b"\0\0\1\x41" + b"\xaa" * 900
MakeParameters = Callable[..., RtpParameters]


def unit(data: bytes = DELTA, captured: float = 1.0, layer: int = 0, *, key: bool = False) -> AccessUnit:
    return AccessUnit(layer, captured, key, KEY if key else data)


def test_nothing_leaves_before_a_keyframe_which_is_asked_for(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit())
    sender.send(unit())
    assert not path.left()
    assert path.keyframes == [0]
    sender.send(unit(key=True))
    sender.send(unit(captured=1.1))
    packets = path.left()
    assert [packet.marker for packet in packets] == [0, 0, 1, 1]
    (stats,) = sender.stats().encodings
    assert (stats.frames_dropped, stats.frames_sent, stats.key_frames_sent) == (2, 2, 1)


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_sequence_numbers_and_timestamps_go_on(
    path: Path, parameters: MakeParameters, highest: random.Random, codec: VideoCodec
) -> None:
    sender = path.sender(parameters(codec), highest)
    packets: list[RtpPacket] = []
    for picture in range(10):
        sender.send(unit(key=True, captured=1.0 + picture * 5000))
        packets += path.left()
    numbers = [packet.sequence_number for packet in packets]
    assert min(numbers) == 0
    assert max(numbers) == 0xFFFF
    for before, after in itertools.pairwise(packets):
        assert (after.sequence_number - before.sequence_number) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF in (0, 5000 * 90_000)


def test_layers_have_their_own_streams(path: Path, parameters: MakeParameters) -> None:
    made = parameters("h264", 3)
    sender = path.sender(made)
    for layer in range(3):
        sender.send(unit(layer=layer, key=True))
    assert [p.ssrc for p in path.left()] == [e.ssrc for e in made.encodings for _ in range(3)]


def test_statistics_tell_how_long_a_picture_takes_to_leave(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    assert sender.stats().encodings[0].capture_to_send is None
    for picture, age in enumerate((0.020, 0.040)):
        sender.send(unit(captured=path.now - age, key=not picture))
        assert list(path.pacer.packets(path.now))
    assert sender.stats().encodings[0].capture_to_send == pytest.approx(0.030)
    path.now += 10  # nothing was sent lately
    assert sender.stats().encodings[0].capture_to_send is None


def test_an_unknown_layer_is_dropped(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(layer=3, key=True))
    assert not path.left()
    assert sender.stats().encodings[0].frames_dropped == 1


def test_a_broken_unit_is_counted_and_logged_once(
    path: Path, parameters: MakeParameters, caplog: pytest.LogCaptureFixture
) -> None:
    sender = path.sender(parameters("h264"))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            sender.send(AccessUnit(0, 1.0, True, b"no start code"))
    sender.send(unit(key=True))
    assert len(path.left()) == 3
    assert sender.stats().encodings[0].errors == 3
    assert len(caplog.records) == 1


def test_pause_drops_and_resume_begins_with_a_keyframe(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    path.left()
    sender.pause()
    sender.send(unit(key=True))
    assert not path.left()
    path.keyframes.clear()
    sender.resume()
    assert path.keyframes == [0]
    sender.send(unit())
    assert not path.left()
    sender.send(unit(key=True))
    assert path.left()


def test_while_the_transport_is_away_nothing_is_queued(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    path.left()
    path.ready = False
    sender.send(unit(captured=2.0))
    path.ready = True
    sender.send(unit(captured=3.0))
    assert not path.left()
    assert path.keyframes


def test_stop_forgets_what_waits(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    next(path.pacer.packets(path.now))

    async def stop() -> None:
        await sender.stop()
        await sender.stop()

    _run(stop())
    sender.send(unit(key=True))
    assert not path.left()
    assert not path.senders


def _run(coroutine: object) -> None:
    """Drive a coroutine that never waits."""
    with pytest.raises(StopIteration):
        coroutine.send(None)  # type: ignore[attr-defined]  # a coroutine


def test_lost_packets_are_sent_again_over_rtx(path: Path, parameters: MakeParameters) -> None:
    made = parameters("h264")
    sender = path.sender(made)
    sender.send(unit(key=True))
    first = [RtpPacket.parse(packet) for packet in _spread(path)]
    ssrc = made.encodings[0].ssrc
    assert ssrc
    lost = [first[0].sequence_number, first[1].sequence_number, (first[0].sequence_number - 9) & 0xFFFF]
    path.feedback.receive(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=lost[:2])))
    path.feedback.receive(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=lost[2:])))
    again = path.left()
    assert made.encodings[0].rtx
    assert {packet.ssrc for packet in again} == {made.encodings[0].rtx.ssrc}
    assert {packet.payload_type for packet in again} == {made.codecs[1].payload_type}
    for packet, original in zip(again, first, strict=False):
        assert int.from_bytes(packet.payload[:2], "big") == original.sequence_number
        assert packet.payload[2:] == original.payload
        assert packet.timestamp == original.timestamp
    assert len(again) == 2
    (stats,) = sender.stats().encodings
    assert (stats.nack_count, stats.retransmitted_packets_sent) == (2, 2)


def _spread(path: Path) -> Iterator[bytes]:
    for _ in range(20):
        yield from path.pacer.packets(path.now)
        path.now += 0.01


def test_without_rtx_the_packet_itself_is_sent_again(path: Path, parameters: MakeParameters) -> None:
    made = parameters(None)
    sender = path.sender(made)
    sender.send(AccessUnit(0, 1.0, True, b"opus", audio_level=30))
    (first,) = path.pacer.packets(path.now)
    sequence = RtpPacket.parse(first).sequence_number
    assert made.encodings[0].ssrc
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=made.encodings[0].ssrc, lost=[sequence])
    path.feedback.receive(bytes(nack))
    (again,) = (RtpPacket.parse(packet) for packet in path.pacer.packets(path.now))
    # All the same but for the number of the transport, which is new.
    assert (again.ssrc, again.sequence_number, again.payload) == (
        made.encodings[0].ssrc,
        sequence,
        b"opus",
    )


def nack(path: Path, ssrc: int, sequence: int) -> None:
    path.feedback.receive(bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc, lost=[sequence])))


def test_a_loss_that_comes_too_late_to_mend_makes_a_keyframe(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    *_, last = path.left()
    path.keyframes.clear()
    nack(path, last.ssrc, (last.sequence_number + 1) & 0xFFFF)  # was never sent
    assert path.keyframes == []
    path.now += 1.5
    nack(path, last.ssrc, last.sequence_number)
    assert path.keyframes == [0]
    path.now += 1  # more of the same, and no more than every two seconds
    nack(path, last.ssrc, last.sequence_number)
    assert path.keyframes == [0]
    sender.send(unit(captured=5.0, key=True))
    path.left()
    path.now += 3
    nack(path, last.ssrc, last.sequence_number)  # the new keyframe has made it good
    assert path.keyframes == [0]


@pytest.mark.parametrize("full", [False, True])
def test_keyframe_requests_reach_the_encoder(path: Path, parameters: MakeParameters, *, full: bool) -> None:
    made = parameters("h264", 3)
    sender = path.sender(made)
    ssrc = made.encodings[2].ssrc
    assert ssrc
    for number in range(3):
        entry = ssrc.to_bytes(4, "big") + bytes((number, 0, 0, 0))
        packet = (
            RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=entry)
            if full
            else RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=ssrc)
        )
        path.feedback.receive(bytes(packet))
    assert path.keyframes == [2]
    path.now += 0.6
    sender.send(unit(layer=2))  # the request that had to wait is made with the next picture
    assert path.keyframes == [2, 2]
    stats = sender.stats().encodings[2]
    assert (stats.pli_count, stats.fir_count) == ((0, 3) if full else (3, 0))


def test_a_repeated_full_intra_request_is_one(path: Path, parameters: MakeParameters) -> None:
    made = parameters("h264")
    sender = path.sender(made)
    assert made.encodings[0].ssrc
    entry = made.encodings[0].ssrc.to_bytes(4, "big") + bytes((9, 0, 0, 0))
    for _ in range(3):
        path.feedback.receive(bytes(RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=entry)))
    assert sender.stats().encodings[0].fir_count == 1


def test_receiver_reports_become_statistics(path: Path, parameters: MakeParameters) -> None:
    made = parameters("h264")
    sender = path.sender(made)
    assert sender.stats().encodings[0].last_report_age is None
    sender.send(unit(key=True))
    last = path.left()[-1]
    (report, *_) = RtcpPacket.parse(sender.reports(path.now))
    assert isinstance(report, RtcpSrPacket)
    info = RtcpReceiverInfo(
        ssrc=last.ssrc,
        fraction_lost=128,
        packets_lost=5,
        highest_sequence=last.sequence_number,
        jitter=90,
        lsr=report.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF,
        dlsr=0,
    )
    path.now += 0.05
    path.feedback.receive(bytes(RtcpRrPacket(ssrc=1, reports=[info])))
    path.now += 1
    (stats,) = sender.stats().encodings
    assert (stats.fraction_lost, stats.packets_lost, stats.jitter) == (0.5, 5, 0.001)
    assert stats.round_trip_time == pytest.approx(0.05, abs=1e-6)
    assert stats.last_report_age == pytest.approx(1.0)
    assert stats.highest_acknowledged == last.sequence_number


def test_reports_of_sound_and_picture_meet_at_one_moment(path: Path, parameters: MakeParameters) -> None:
    """What was captured together must come out together, whatever each stream's offset is."""
    video, audio = path.sender(parameters("h264")), path.sender(parameters(None))
    captured = 990.0
    video.send(unit(key=True, captured=captured))
    audio.send(AccessUnit(0, captured, True, b"opus"))
    packets = {packet.payload_type: packet for packet in path.left()}
    moments = {}
    for sender, payload_type, rate in ((video, 103, 90_000), (audio, 100, 48_000)):
        (report, *_) = RtcpPacket.parse(sender.reports(path.now))
        assert isinstance(report, RtcpSrPacket)
        ticks = (report.sender_info.rtp_timestamp - packets[payload_type].timestamp) & 0xFFFFFFFF
        moments[sender.kind] = report.sender_info.ntp_timestamp / 2**32 - ticks / rate
    assert moments["audio"] == pytest.approx(moments["video"], abs=0.001)
    assert moments["video"] == pytest.approx(1.7e9 + 2_208_988_800 + captured - 1000, abs=0.001)


def remb(path: Path, bitrate: int) -> None:
    fci = pack_remb_fci(bitrate, [1])
    path.feedback.receive(bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=fci)))


def test_bandwidth_is_spread_from_the_lowest_layer_up(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264", 3))
    assert path.bitrates == [(0, 150_000), (1, 400_000), (2, 1_500_000)]
    for layer in range(3):
        sender.send(unit(layer=layer, key=True))
    path.left()
    path.bitrates.clear()
    remb(path, 400_000)
    assert [e.target_bitrate for e in sender.stats().encodings] == pytest.approx([150_000, 250_000, 0], abs=5)
    assert [layer for layer, _ in path.bitrates] == [1]
    for layer in range(3):
        sender.send(unit(layer=layer, captured=2.0, key=True))
    assert len({packet.ssrc for packet in path.left()}) == 2
    assert path.active == [(2, False)]
    path.keyframes.clear()
    report(path, sender, seconds=60, bitrate=1_400_000)  # the top layer's minimum, but not well above it
    assert not sender.stats().encodings[2].active
    reasons = [e.quality_limitation_reason for e in sender.stats().encodings]
    assert reasons == ["none", "none", "bandwidth"]
    report(path, sender, seconds=5, bitrate=1_460_000)
    assert sender.stats().encodings[2].active
    assert path.active == [(2, False), (2, True)]
    assert path.keyframes == [2]


def report(path: Path, sender: Sender, *, seconds: int, bitrate: int) -> None:
    """So many seconds in which everything arrives and the receiver allows `bitrate`."""
    ssrc = sender.stats().encodings[0].ssrc
    for _ in range(seconds):
        path.now += 1
        path.octets += 5_000_000 // 8
        path.highest += 100
        info = RtcpReceiverInfo(
            ssrc=ssrc, fraction_lost=0, packets_lost=0, highest_sequence=path.highest, jitter=0, lsr=0, dlsr=0
        )
        fci = pack_remb_fci(bitrate, [1])
        remb = RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=fci)
        path.feedback.receive(bytes(RtcpRrPacket(ssrc=1, reports=[info])) + bytes(remb))


def test_the_path_is_probed_with_repetitions_while_a_layer_is_missing(
    path: Path, parameters: MakeParameters
) -> None:
    made = parameters("h264", 3)
    sender = path.sender(made)
    sender.send(unit(layer=0, key=True))
    path.left()
    report(path, sender, seconds=1, bitrate=700_000)
    sender.send(unit(layer=0, captured=2.0, key=True))  # after the collapse nothing older is repeated
    path.left()
    path.now = round(path.now)
    report(path, sender, seconds=int(FIRST_REST) + 2, bitrate=800_000)
    assert path.feedback.padding.wait(path.now) is not None
    packets = []
    for _ in range(100):
        path.now += 0.02
        packets += [RtpPacket.parse(packet) for packet in path.feedback.padding.packets(path.now)]
    rtx = {encoding.rtx.ssrc for encoding in made.encodings if encoding.rtx}
    assert {packet.ssrc for packet in packets} <= rtx
    # From 150 + 400 kb/s to the estimate of 800 kb/s.
    assert sum(len(p.payload) for p in packets) * 8 / 2 == pytest.approx(250_000, rel=0.1)
    assert sender.stats().encodings[0].retransmitted_packets_sent == 0


def test_a_layer_that_nobody_watches_stops_after_a_while_and_returns_at_once(
    path: Path, parameters: MakeParameters
) -> None:
    sender = path.sender(parameters("h264", 3))
    sender.hint_watched(1, watched=False)
    report(path, sender, seconds=int(STOP_AFTER) - 1, bitrate=3_000_000)
    assert path.active == []
    report(path, sender, seconds=2, bitrate=3_000_000)
    assert path.active == [(1, False)]
    assert [e.target_bitrate for e in sender.stats().encodings] == [150_000, 0, 1_500_000]
    assert [e.quality_limitation_reason for e in sender.stats().encodings] == ["none", "other", "none"]
    path.keyframes.clear()
    sender.hint_watched(1, watched=True)
    report(path, sender, seconds=1, bitrate=3_000_000)
    assert path.active == [(1, False), (1, True)]
    assert path.keyframes == [1]


def test_a_collapse_of_the_path_makes_pictures_start_over(path: Path, parameters: MakeParameters) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    path.left()
    path.keyframes.clear()
    sender.send(unit(captured=1.1))  # waits in the pacer
    remb(path, 300_000)
    assert not path.left()
    path.now -= 1
    sender.send(unit(captured=1.2))
    assert path.keyframes == []  # the encoder needs a moment for its new rate
    path.now += 0.31
    sender.send(unit(captured=1.5))
    assert path.keyframes == [0]
    assert not path.left()
    sender.send(unit(captured=1.6, key=True))
    assert path.left()


def test_a_lesser_estimate_than_the_pictures_need_is_no_collapse(
    path: Path, parameters: MakeParameters
) -> None:
    sender = path.sender(parameters("h264"))
    sender.send(unit(key=True))
    path.left()
    remb(path, 1_000_000)  # of 2.5 Mb/s, but only 1.5 were in use
    sender.send(unit(captured=1.1))
    assert path.left()


def test_a_full_queue_is_drained_before_the_next_keyframe_is_asked_for(
    path: Path, parameters: MakeParameters
) -> None:
    """Else each keyframe fills the queue that the next one is dropped at."""
    sender = path.sender(parameters("h264"))
    big = AccessUnit(0, 1.0, True, b"\0\0\1\x65" + b"\xaa" * 600_000)
    sender.send(big)
    sender.send(unit(captured=1.1))
    assert path.keyframes == []
    path.left()
    path.left()
    sender.send(unit(captured=1.2))
    assert path.keyframes == [0]


def test_the_lowest_layer_never_stops_and_sound_never_starves(path: Path, parameters: MakeParameters) -> None:
    video, audio = path.sender(parameters("h264", 3)), path.sender(parameters(None))
    remb(path, 1)
    assert [e.target_bitrate for e in video.stats().encodings] == [100_000, 0, 0]
    assert audio.stats().encodings[0].target_bitrate == 64_000


def test_a_faulty_callback_does_not_end_the_receiving(
    path: Path, parameters: MakeParameters, caplog: pytest.LogCaptureFixture
) -> None:
    made = parameters("h264")

    def fail(layer: int) -> None:
        raise RuntimeError("the encoder is gone")

    Sender(path, made, "video", request_keyframe=fail, set_bitrate=lambda *_: None, clock=lambda: path.now)
    assert made.encodings[0].ssrc
    path.feedback.receive(bytes(RtcpPsfbPacket(fmt=1, ssrc=1, media_ssrc=made.encodings[0].ssrc)))
    assert "the encoder is gone" in caplog.text


def test_rubbish_is_counted(path: Path) -> None:
    path.feedback.receive(b"\x80\xc9\xff\xff")
    assert path.feedback.malformed == 1


def test_a_codec_that_cannot_be_sent_is_refused(path: Path, parameters: MakeParameters) -> None:
    made = parameters("h264")
    codec = made.codecs[0].model_copy(update={"mime_type": "video/AV1"})
    with pytest.raises(ValueError, match="AV1"):
        path.sender(made.model_copy(update={"codecs": (codec,)}))
