"""What tells a useless device from a good one."""

import asyncio
import contextlib
import math
import random
from array import array
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.encoded import VideoEncoding
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import camera_plan, microphone_plan
from edgemeet.media.signal_watch import SILENCE_DBOV, PictureWatch, SilenceWatch, luma_sample

QUIET = array("h", [0] * 960)


def noise(dbov: float, offset: int = 0) -> array:
    rng = random.Random(1)
    rms = 32_768 * 10 ** (dbov / 20)
    return array("h", (offset + round(rng.gauss(0, rms)) for _ in range(960)))


def sine(dbov: float) -> array:
    amplitude = 32_768 * 10 ** (dbov / 20) * math.sqrt(2)
    return array("h", (round(amplitude * math.sin(i / 7)) for i in range(960)))


@pytest.mark.parametrize(
    ("samples", "silent"),
    [
        (QUIET, True),
        (array("h", [-417] * 960), True),  # a constant offset is no sound
        (noise(-90), True),
        (noise(-90, offset=200), True),
        (sine(SILENCE_DBOV - 3), True),
        (sine(SILENCE_DBOV + 3), False),
        (noise(-65), False),
        (sine(-20), False),
        (array("h"), True),
    ],
)
def test_what_is_quiet(samples, silent):
    watch = SilenceWatch(after=1.0)
    for _ in range(49):
        watch.hear(samples)
        assert watch.signal == "ok"
    watch.hear(samples)
    assert (watch.signal == "silent") is silent


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 60))
def test_silence_is_that_all_of_the_last_seconds_were_quiet(quiet, periods):
    watch = SilenceWatch(after=periods / 50)
    for number, is_quiet in enumerate(quiet, start=1):
        watch.hear(QUIET if is_quiet else sine(-30))
        expected = number >= periods and all(quiet[number - periods : number])
        assert (watch.signal == "silent") is expected


def test_muting_is_no_silence():
    watch = SilenceWatch(after=0.04)
    watch.hear(QUIET)
    watch.reset()
    watch.hear(QUIET)
    assert watch.signal == "ok"


MOVING = st.integers(0, 255).map(lambda luma: bytes([luma]) + bytes([128]) * 511)
FROZEN = bytes(range(128)) * 4
BLACK = bytes([17]) * 512


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        ([FROZEN] * 31, "ok"),
        ([FROZEN] * 32, "frozen"),
        ([BLACK] * 60, "frozen"),
        ([BLACK] * 61, "black"),
        ([BLACK[:-1] + bytes([n % 20]) for n in range(61)], "black"),  # a sensor's noise
        ([BLACK] * 61 + [FROZEN], "ok"),
        ([BLACK] * 30 + [FROZEN] + [BLACK] * 30, "ok"),
        ([bytes([200]) * 6 + BLACK[6:]] * 61, "black"),  # hot pixels
        ([bytes([200]) * 20 + BLACK[20:]] * 61, "frozen"),  # a lamp
    ],
)
def test_what_is_frozen_and_what_is_black(pictures, expected):
    now = 0.0
    watch = PictureWatch(frozen_after=30.0, black_after=60.0, clock=lambda: now)
    for number, picture in enumerate(pictures):
        now = float(number)
        watch.judge(picture, now)
    assert watch.signal == expected


@given(st.lists(MOVING, min_size=2, max_size=100))
def test_a_picture_that_moved_lately_is_never_frozen(pictures):
    now = 0.0
    watch = PictureWatch(frozen_after=30.0, black_after=60.0, clock=lambda: now)
    for number, picture in enumerate(pictures):
        now = float(number)
        watch.judge(picture, now)
    if len(set(pictures[-31:])) > 1:
        assert watch.signal == "ok"
    elif len(pictures) >= 32 and pictures[-1] == pictures[-32]:
        assert watch.signal == "frozen"


def picture(width, height, pixel_format="yuv420p", luma=100):
    frame = av.VideoFrame(width, height, pixel_format)
    plane = frame.planes[0]
    plane.update(bytes([luma]) * plane.buffer_size)
    return frame


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (320, 180), (64, 64), (66, 2)])
def test_the_sample_is_of_the_picture_and_not_of_its_padding(size):
    width, height = size
    frame = picture(width, height, luma=0)
    plane = frame.planes[0]
    luma = bytearray(b"\xff" * plane.buffer_size)
    for y in range(height):
        luma[y * plane.line_size : y * plane.line_size + width] = bytes([y % 200]) * width
    plane.update(bytes(luma))
    sample = luma_sample(frame)
    assert 0xFF not in sample
    assert len(set(sample)) == min(16, height)
    assert 32 * min(16, height) <= len(sample) <= 64 * 16


def test_it_looks_once_a_second_and_only_at_what_has_luma_first():
    now, watch = 0.0, None
    watch = PictureWatch(frozen_after=2.0, black_after=9.0, clock=lambda: now)
    for _ in range(40):  # ten seconds at four a second
        watch.look(picture(64, 64, "rgb24"))
        now += 0.25
    assert watch.signal == "ok"
    for _ in range(16):
        watch.look(picture(64, 64, "nv12"))
        now += 0.25
    assert watch.signal == "frozen"


@contextlib.asynccontextmanager
async def running(capture):
    task = asyncio.create_task(capture.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_silent_microphone_and_its_return_reach_the_parent(tmp_path):
    film = tmp_path / "sound.wav"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for number in range(80):  # 1 s of silence, 0.6 s of a tone, again and again
            frame = av.AudioFrame("s16", "mono", 960)
            frame.planes[0].update((QUIET if number < 50 else sine(-20)).tobytes())
            frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    capture = CaptureProcess(replace(microphone_plan(source="file", device=str(film)), silent_after=0.3))
    async with running(capture):
        await until(lambda: capture.status().signal == "silent")
        await until(lambda: capture.status().signal == "ok")
        assert capture.status().restarts == 0


def write_still_film(path, luma):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(20):
            frame = picture(320, 180, luma=luma)
            for plane in frame.planes[1:]:
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


async def test_still_films_reach_the_parent(tmp_path):
    def camera(luma):
        film = write_still_film(tmp_path / f"{luma}.mkv", luma)
        layer = VideoEncoding(320, 180, 10, 150_000)
        plan = camera_plan(
            source="file", device=str(film), encoder="x264", width=320, height=180, fps=10, encodings=[layer]
        )
        return CaptureProcess(replace(plan, frozen_after=0.9, black_after=0.9))

    black, frozen = camera(16), camera(120)
    async with running(black), running(frozen):
        await until(lambda: black.status().signal == "black" and frozen.status().signal == "frozen")
