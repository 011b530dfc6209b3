from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc.media_clock import MediaClock, middle_bits
from edgemeet.rtc.timestamps import AudioTimestamps, VideoTimestamps

WRAP = 1 << 32


def steps(timestamps: list[int]) -> list[int]:
    return [(b - a) % WRAP for a, b in itertools.pairwise(timestamps)]


@given(st.integers(0, WRAP - 1), st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_pictures_only_go_forward(offset: int, captured: list[float]) -> None:
    video = VideoTimestamps(offset)
    assert all(0 < step < WRAP // 2 or step > 0 for step in steps([video.next(c) for c in captured]))


def test_pictures_wrap() -> None:
    video = VideoTimestamps(WRAP - 4500)
    assert steps([video.next(n / 10) for n in range(3)]) == [9000, 9000]


def test_a_capture_time_that_goes_back_moves_one_tick() -> None:
    video = VideoTimestamps(0)
    assert [video.next(c) for c in (1.0, 0.5, 0.5, 1.1)] == [90000, 90001, 90002, 99000]


def test_jitter_of_capture_times_does_not_reach_sound() -> None:
    rng = random.Random(3)
    audio = AudioTimestamps(WRAP - 3000)
    timestamps = [audio.next(n * 0.02 + rng.uniform(-0.006, 0.006)) for n in range(500)]
    assert set(steps(timestamps)) == {960}


@pytest.mark.parametrize("missing", [1, 2, 50])
def test_a_gap_of_whole_packets_shows(missing: int) -> None:
    audio = AudioTimestamps(0)
    captured = [n * 0.02 for n in range(150) if not 50 <= n < 50 + missing]
    marks = []
    timestamps = []
    for moment in captured:
        timestamps.append(audio.next(moment))
        marks.append(audio.gap)
    assert max(steps(timestamps)) == 960 * (missing + 1)
    assert [index for index, mark in enumerate(marks) if mark] == [0, 50]


def test_a_drifting_sound_card_stays_in_step_with_the_picture() -> None:
    """100 ppm over ten minutes are 60 ms; the reports must not be off by more than a few."""
    audio = AudioTimestamps(0)
    factor = 1.0001
    for packet in range(30_000):
        captured = packet * 0.02 * factor
        timestamp = audio.next(captured)
        assert not audio.gap or packet == 0
    told = audio.at(captured)
    assert abs((told - timestamp + WRAP // 2) % WRAP - WRAP // 2) < 0.003 * 48000


def test_sound_and_picture_share_one_time_line_over_a_step_of_the_wall_clock() -> None:
    wall = [1_700_000_000.0]
    clock = MediaClock(lambda: 50.0, lambda: wall[0])
    before = clock.ntp(60.0)
    wall[0] += 3600
    assert clock.ntp(61.0) - before == 1 << 32
    assert before >> 32 == 1_700_000_010 + 2_208_988_800
    assert middle_bits(0x1234_5678_9ABC_DEF0) == 0x5678_9ABC


def test_silence_that_is_not_sent_takes_its_time() -> None:
    """DTX: one packet in 20 comes, for ten minutes, of a sound card that is not quite right, with jitter."""
    rng = random.Random(5)
    audio = AudioTimestamps(0)
    timestamps = []
    for packet in range(1500):
        moment = packet * 0.4 * 1.0001
        timestamps.append(audio.next(moment + rng.uniform(-0.006, 0.006)))
        assert audio.gap
        assert abs(audio.at(moment) - timestamps[-1]) < 0.005 * 48_000
    assert set(steps(timestamps)) == {20 * 960}
