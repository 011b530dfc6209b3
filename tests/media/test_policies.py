import itertools
import math
from array import array
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemeet.media import annexb, counter
from edgemeet.media.backoff import delays
from edgemeet.media.camera import Decimator
from edgemeet.media.encoders.x264 import level
from edgemeet.media.loudness import level_dbov
from edgemeet.media.microphone import _Gain
from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import PERIOD_NS, Deadlines, Respawn
from edgemeet.media.sources.device_clock import CaptureClock, Throttle
from edgemeet.media.sources.tone import Sine
from edgemeet.media.vigil import Vigil

MILLISECOND = 1_000_000


class Clock:
    """Nanoseconds that pass only when somebody sleeps or works."""

    def __init__(self) -> None:
        self.now = 5_000_000_000
        self.slept: list[int] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, nanoseconds: int) -> None:
        self.slept.append(nanoseconds)
        self.now += nanoseconds

    def sleep_seconds(self, seconds: float) -> None:
        self.sleep(round(seconds * 1e9))


def test_a_pacer_keeps_its_schedule_for_an_hour():
    clock = Clock()
    pacer = Pacer(30, clock=clock, sleep=clock.sleep)
    start = clock.now
    for tick in range(30 * 3600):
        assert pacer.wait() == start + tick * 1_000_000_000 // 30
        clock.now += 7 * MILLISECOND  # the work of one picture
    assert pacer.skipped == 0


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 500), min_size=1, max_size=50), st.integers(0, 5))
def test_a_late_reader_gets_no_burst(work, slack):
    clock = Clock()
    pacer = Pacer(50, slack=slack, clock=clock, sleep=clock.sleep)
    for milliseconds in work:
        due = pacer.wait()
        assert 0 <= clock.now - due <= (slack + 1) * 20 * MILLISECOND
        clock.now += milliseconds * MILLISECOND


def test_delays_start_at_once_and_end_at_the_ceiling():
    policy = Respawn(base=0.25, ceiling=2.0)
    waits = delays(policy, Random(1))
    first, *rest = [next(waits) for _ in range(12)]
    assert first == 0
    limits = [0.25, 0.5, 1.0] + [2.0] * 8
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(rest, limits, strict=True))
    assert len(set(rest)) > 8  # jittered


def test_a_vigil_has_one_deadline_after_the_other():
    vigil = Vigil(Deadlines(start=10, first_frame=5, gap=1.5), 100.0, "camera")
    assert vigil.remaining(101.0) == 9.0
    assert vigil.missed().code == "device.start_timeout"
    vigil.opened(104.0)
    assert vigil.remaining(104.0) == 5.0
    assert vigil.missed().code == "device.first_frame_timeout"
    vigil.frame(106.0)
    assert vigil.remaining(107.5) == 0.0
    assert vigil.missed().code == "device.stalled"
    assert vigil.missed().message == "the camera stalled: no frame for 1.5 s"


@pytest.mark.parametrize(("wanted", "offered"), [(15, 30), (20, 30), (30, 30), (25, 24), (1, 30), (7, 24)])
def test_a_decimator_takes_the_first_and_spreads_the_rest(wanted, offered):
    decimator = Decimator(wanted, offered)
    taken = [decimator.take() for _ in range(10 * offered)]
    assert taken[0]
    assert sum(taken) == 10 * min(wanted, offered)
    gaps = [b - a for a, b in zip(*[[i for i, t in enumerate(taken) if t][k:] for k in (0, 1)], strict=False)]
    assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((320, 180, 15), "3.1"),
        ((1280, 720, 30), "3.1"),
        ((1280, 720, 60), "3.2"),
        ((1920, 1080, 30), "4.0"),
        ((1920, 1080, 60), "4.2"),
        ((3840, 2160, 30), "5.1"),
    ],
)
def test_the_level_is_what_the_size_needs(size, expected):
    assert level(*size) == expected


@pytest.mark.parametrize(("amplitude", "expected"), [(32767, 3), (16384, 9), (8192, 15), (328, 43), (33, 63)])
def test_loudness_of_a_sine(amplitude, expected):
    samples = array("h", (round(amplitude * math.sin(2 * math.pi * i / 48)) for i in range(960)))
    assert abs(level_dbov(samples) - expected) <= 1


@pytest.mark.parametrize(
    ("decibels", "expected"),
    [
        (0, [0, 1000, -1000, 32767, -32768]),
        (20, [0, 10_000, -10_000, 32767, -32768]),
        (-20, [0, 100, -100, 3277, -3277]),
    ],
)
def test_gain_amplifies_and_clips(decibels, expected):
    assert list(_Gain(decibels).apply(array("h", [0, 1000, -1000, 32767, -32768]))) == expected


def test_loudness_at_the_ends():
    assert level_dbov(array("h", [0] * 960)) == 127
    assert level_dbov(array("h")) == 127
    assert level_dbov(array("h", [-32768] * 960)) == 0


@pytest.mark.parametrize("hertz", [440.0, 1000.0, 333.333, 19_999.0])
def test_a_sine_never_drifts(hertz):
    whole, parts = Sine(hertz), Sine(hertz)
    assert whole.take(9_600) == array("h", [s for _ in range(10) for s in parts.take(960)])
    exact = [8192 * math.sin(2 * math.pi * hertz * i / 48_000) for i in range(9_600, 10_560)]
    # The table has 48000 steps a turn: at most one step beside, 8192 * 2 pi / 48000.
    assert all(abs(a - b) < 2.1 for a, b in zip(whole.take(960), exact, strict=True))


@settings(deadline=None)  # the machine may be busy
@given(st.integers(0, counter.MODULUS - 1), st.integers(160, 4096))
def test_the_counter_is_read_back_at_any_size(count, width):
    edges = counter.edges(width)
    row = [0] * width
    for block, white in enumerate(counter.bits(count)):
        for x in range(edges[block], edges[block + 1]):
            row[x] = counter.WHITE if white else counter.BLACK
    assert counter.read(lambda x, _: row[x], width) == count


def test_no_counter_where_there_is_none():
    assert counter.read(lambda *_: counter.BLACK, 1280) is None
    assert counter.read(lambda *_: counter.WHITE, 1280) is None


def test_capture_times_ignore_jitter_and_follow_loss():
    clock = CaptureClock()
    start = 9_000_000_000
    random = Random(3)
    stamps = [clock.stamp(start + i * PERIOD_NS + random.randint(0, 30) * MILLISECOND) for i in range(100)]
    assert {b - a for a, b in itertools.pairwise(stamps)} == {PERIOD_NS}
    late = start + 100 * PERIOD_NS + 500 * MILLISECOND
    assert clock.stamp(late) == late - PERIOD_NS
    clock.lost()
    assert clock.stamp(late + 25 * MILLISECOND) == late + 5 * MILLISECOND


def test_a_throttle_slows_what_is_faster_than_time():
    clock = Clock()
    throttle = Throttle(160 * MILLISECOND, clock=clock, sleep=clock.sleep_seconds)
    start = clock.now
    for _ in range(500):  # 10 s of sound that a file gives at once
        throttle.hold(PERIOD_NS, 0)
    assert 9.7e9 < clock.now - start < 10.01e9


@pytest.mark.parametrize("parts_per_million", [-200, 0, 200])
def test_a_throttle_never_holds_a_sound_card(parts_per_million):
    clock = Clock()
    throttle = Throttle(160 * MILLISECOND, clock=clock, sleep=clock.sleep_seconds)
    period = PERIOD_NS * 1_000_000 // (1_000_000 + parts_per_million)
    for _ in range(50 * 3600):  # an hour
        clock.now += period
        throttle.hold(PERIOD_NS, period - MILLISECOND)
    assert clock.slept == []


def test_parameter_sets_are_added_only_where_they_are_missing():
    sps, pps, idr = b"\0\0\0\1\x67S", b"\0\0\0\1\x68P", b"\0\0\1\x65I"
    assert list(annexb.nal_types(sps + pps + idr)) == [annexb.SPS, annexb.PPS, annexb.IDR_SLICE]
    assert annexb.with_parameter_sets(idr, sps + pps) == sps + pps + idr
    assert annexb.with_parameter_sets(sps + pps + idr, b"other") == sps + pps + idr
