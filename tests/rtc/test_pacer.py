from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from edgemeet.rtc.history import SentPacket
from edgemeet.rtc.pacer import (
    BURST_SECONDS,
    CAREFUL_FACTOR,
    MAX_BACKLOG,
    PACING_FACTOR,
    Pacer,
    QueuedFrame,
)

TARGET = 1_500_000
PAYLOAD = 1100


@dataclass
class Writer:
    """Names packets after what they are."""

    name: str = "video"
    written: list[str] = field(default_factory=list)

    def write(self, frame: QueuedFrame, payload: bytes, now: float, *, last: bool) -> bytes:
        self.written.append(f"{self.name}{frame.timestamp}")
        return payload

    def write_again(self, packet: SentPacket, now: float) -> bytes:
        self.written.append(f"again{packet.sequence}")
        return packet.payload


def frame(writer: Writer, timestamp: int, size: int, *, keyframe: bool = False) -> QueuedFrame:
    payloads = [bytes(min(PAYLOAD, size - begin)) for begin in range(0, size, PAYLOAD)]
    return QueuedFrame(writer, payloads, timestamp, keyframe, marker=False, audio_level=None, size=size)


def drain(pacer: Pacer, now: float, until: float) -> list[tuple[float, int]]:
    """What leaves when, with a loop that wakes exactly when the pacer says."""
    sent = []
    while now <= until:
        sent += [(now, len(packet)) for packet in pacer.packets(now)]
        wait = pacer.wait(now)
        if wait is None:
            break
        now += max(wait, 1e-4)
    return sent


USUAL = TARGET // 8 // 30


def sent_of_pictures(size: int, *, careful: bool = False) -> list[list[tuple[float, int]]]:
    """What leaves when, in seconds since its picture came, of 300 pictures at 30 a second."""
    pacer, writer = Pacer(), Writer()
    pacer.set_target(TARGET, careful=careful)
    pictures = []
    for picture in range(300):
        begin = picture / 30
        assert pacer.offer_video(frame(writer, picture, size), begin)
        sent = drain(pacer, begin, begin + 1 / 30 - 1e-4)
        pictures.append([(moment - begin, octets) for moment, octets in sent])
    return pictures


def test_a_usual_picture_leaves_at_once() -> None:
    for sent in sent_of_pictures(USUAL):
        assert sum(octets for _, octets in sent) == USUAL
        assert sent[-1][0] == 0.0


def test_larger_pictures_are_spread_and_wait_less_than_30_ms() -> None:
    for sent in sent_of_pictures(2 * USUAL):
        assert sum(octets for _, octets in sent) == 2 * USUAL
        assert 0.0 < sent[-1][0] < 0.030


def test_near_congestion_usual_pictures_are_spread_too() -> None:
    pictures = sent_of_pictures(USUAL, careful=True)
    assert all(sent[-1][0] > 0.0 for sent in pictures[1:])


@pytest.mark.parametrize("careful", [False, True])
def test_what_leaves_at_once_is_bounded_whatever_waits(careful: bool) -> None:
    pacer, writer = Pacer(), Writer()
    pacer.set_target(TARGET, careful=careful)
    pacer.offer_video(frame(writer, 0, 90_000, keyframe=True), 0.0)
    moments: dict[float, int] = {}
    for moment, octets in drain(pacer, 0.0, 1.0):
        moments[moment] = moments.get(moment, 0) + octets
    factor = CAREFUL_FACTOR if careful else PACING_FACTOR
    assert max(moments.values()) <= TARGET / 8 * factor * BURST_SECONDS + PAYLOAD
    assert sum(moments.values()) == 90_000


def test_a_keyframe_leaves_at_two_and_a_half_times_the_target() -> None:
    pacer, writer = Pacer(), Writer()
    pacer.set_target(TARGET)
    pacer.offer_video(frame(writer, 0, 60_000, keyframe=True), 0.0)
    sent = drain(pacer, 0.0, 1.0)
    assert sum(size for _, size in sent) == 60_000
    expected = 60_000 * 8 / (2.5 * TARGET)
    assert expected * 0.9 < sent[-1][0] < expected * 1.15


def test_sound_is_first_and_repairs_are_next() -> None:
    pacer, video, sound = Pacer(), Writer(), Writer("sound")
    pacer.set_target(TARGET)
    pacer.offer_video(frame(video, 0, 60_000), 0.0)
    list(pacer.packets(0.0))
    begun = len(video.written)
    pacer.offer_again(video, SentPacket(7, 0, marker=False, payload=b"x", audio_level=None, sent=0.0))
    pacer.offer_audio(frame(sound, 1, 80))
    assert pacer.wait(0.0) == 0.0
    list(pacer.packets(0.0))
    assert sound.written == ["sound1"]
    drain(pacer, 0.001, 1.0)
    assert video.written[begun] == "again7"


def test_the_queue_is_bounded_and_drops_whole_pictures() -> None:
    pacer, writer = Pacer(), Writer()
    pacer.set_target(TARGET)
    taken = [pacer.offer_video(frame(writer, n, 10_000), 0.0) for n in range(50)]
    assert not all(taken)
    # One picture more than the bound, whatever is offered.
    assert pacer.backlog(0.0) <= MAX_BACKLOG + 10_000 * 8 / (2.5 * TARGET)
    drain(pacer, 0.0, 2.0)
    assert len(writer.written) == 10 * taken.count(True)


def test_a_keyframe_takes_the_place_of_what_waits() -> None:
    pacer, writer, other = Pacer(), Writer(), Writer("other")
    pacer.set_target(TARGET)
    pacer.offer_video(frame(other, 9, 5_000), 0.0)
    n = 0
    while pacer.offer_video(frame(writer, n, 10_000), 0.0):
        n += 1
    assert pacer.offer_video(frame(writer, 99, 20_000, keyframe=True), 0.0)
    drain(pacer, 0.0, 2.0)
    assert set(writer.written) == {"video99"}
    assert other.written


def test_a_picture_that_has_begun_is_finished() -> None:
    pacer, writer = Pacer(), Writer()
    pacer.set_target(TARGET)
    pacer.offer_video(frame(writer, 0, 11_000), 0.0)
    pacer.offer_video(frame(writer, 1, 11_000), 0.0)
    list(pacer.packets(0.0))
    assert pacer.discard(writer) == 1
    drain(pacer, 0.01, 1.0)
    assert writer.written == ["video0"] * 10


def test_a_keyframe_larger_than_the_bound_is_sent_all_the_same() -> None:
    pacer, writer = Pacer(), Writer()
    pacer.set_target(100_000)
    assert pacer.offer_video(frame(writer, 0, 200_000, keyframe=True), 0.0)


def test_forgetting_a_stream_leaves_the_others() -> None:
    pacer, writer, other = Pacer(), Writer(), Writer("other")
    pacer.set_target(TARGET)
    pacer.offer_video(frame(writer, 0, 5_000), 0.0)
    pacer.offer_video(frame(other, 0, 5_000), 0.0)
    pacer.offer_audio(frame(writer, 0, 80))
    pacer.forget(writer)
    drain(pacer, 0.0, 1.0)
    assert not writer.written
    assert len(other.written) == 5
    assert pacer.wait(1.0) is None
    assert pacer.backlog(2.0) == pytest.approx(0.0)


def test_sound_that_cannot_leave_is_bounded() -> None:
    pacer, sound = Pacer(), Writer("s")
    for n in range(500):
        pacer.offer_audio(frame(sound, n, 80))
    list(pacer.packets(0.0))
    assert sound.written[0] == "s450"
    assert len(sound.written) == 50
