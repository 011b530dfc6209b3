"""A lost camera's stream: the still, and the picture that comes back."""

import asyncio
import contextlib
import datetime
import itertools
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rigging.plans import SMALL, small_camera

from edgemeet import errors
from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.errors import DeviceBusy, DeviceFailed
from edgemeet.media import annexb
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.placeholder import PATIENCE, PlaceholderCapture, loss, reason, since
from edgemeet.media.plan import CameraPlan, Respawn
from edgemeet.media.status import CaptureStatus
from edgemeet.media.still import Notice, draw, encode_still

INTERVAL = 0.25  # seconds; what is shown every second is shown sooner here
TINY = VideoEncoding(width=160, height=90, fps=15, max_bitrate=100_000)
NOTICE = Notice("Front door", "camera unavailable since 14:03", "it was not found")


def status(state, error=None):
    return CaptureStatus("video", state, "test", "libx264", 320, 180, 30, 0, 0, 0, error, None, None)


@pytest.mark.parametrize(
    ("state", "error", "without", "expected"),
    [
        ("running", None, 0.1, None),
        ("running", None, 1.2, "device.stalled"),
        ("running", DeviceBusy("busy"), 0.1, None),
        ("starting", None, 9.0, None),
        ("waiting", DeviceBusy("busy"), 0.5, None),
        ("waiting", DeviceBusy("busy"), 1.5, "device.busy"),
        ("starting", DeviceFailed("no", code="device.start_timeout"), 1.5, "device.start_timeout"),
        ("stopped", None, 9.0, None),
    ],
)
def test_what_is_a_loss(state, error, without, expected):
    assert loss(status(state, error), without, 1.0) == expected


@given(
    state=st.sampled_from(["stopped", "starting", "running", "waiting"]),
    failed=st.booleans(),
    without=st.floats(0, 100),
    patience=st.floats(0.1, 10),
)
def test_a_picture_that_just_came_is_never_a_loss_and_time_alone_never_ends_one(
    state, failed, without, patience
):
    looked = status(state, DeviceBusy("busy") if failed else None)
    seen = loss(looked, without, patience)
    if without < patience:
        assert seen is None
    if seen is not None:
        assert loss(looked, without + 1, patience) == seen


def test_reasons_tell_viewers_no_paths_and_cover_every_error():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.DeviceError)]
    texts = {c.__name__: reason(c.default_code) for c in classes}
    unspecific = {name for name, text in texts.items() if text == reason("device.something")}
    assert unspecific == {"DeviceError", "DeviceFailed"}


def at(*when):
    return datetime.datetime(*when, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("lost", "now", "expected"),
    [
        ((2026, 3, 1, 14, 3), (2026, 3, 1, 18, 0), "camera unavailable since 14:03"),
        ((2026, 3, 1, 23, 59), (2026, 3, 2, 0, 1), "camera unavailable since 23:59 on 01 March"),
        ((2026, 3, 1, 14, 3), (2027, 3, 1, 14, 3), "camera unavailable since 14:03 on 01 March"),
    ],
)
def test_since_when(lost, now, expected):
    assert since(at(*lost), at(*now)) == expected


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_the_still_is_what_was_drawn_at_each_layers_size(codec, decode_video):
    layers = (TINY, SMALL)
    for encoding, copies in zip(layers, encode_still(NOTICE, layers, codec), strict=True):
        drawn = draw(NOTICE, encoding.width, encoding.height)
        for data in copies:
            (frame,) = decode_video([AccessUnit(0, 0.0, True, data)], codec)
            assert (frame.width, frame.height) == drawn.size
            assert difference(frame, drawn) < 6
            assert len(data) * 8 <= 1.2 * encoding.max_bitrate
    assert sum(luma > 128 for luma in drawn.tobytes()) > 500, "there is text"


def difference(frame, image):
    """Mean difference of the luma."""
    plane, stride = memoryview(frame.planes[0]), frame.planes[0].line_size
    wanted = image.tobytes()
    total = sum(
        abs(plane[y * stride + x] - wanted[y * image.width + x])
        for y in range(image.height)
        for x in range(0, image.width, 3)
    )
    return total / (image.height * len(range(0, image.width, 3)))


def test_two_idr_pictures_in_a_row_differ_in_their_ids():
    ((first, second),) = encode_still(NOTICE, [SMALL], "h264")
    for data in (first, second):
        assert list(annexb.nal_types(data))[:2] == [annexb.SPS, annexb.PPS]
        assert annexb.IDR_SLICE in list(annexb.nal_types(data))
    assert first != second


@pytest.mark.parametrize("text", ["x" * 300, "", "Straße \u4e2d\u6587 \U0001f600"])
def test_any_name_fits(text):
    encode_still(Notice(text, text, text), [VideoEncoding(64, 64, 1, 50_000)], "h264")


class Seen:
    def __init__(self, camera: PlaceholderCapture) -> None:
        self.camera = camera
        self.units: list[AccessUnit] = []
        camera.attach(self.units.append)

    async def until(self, condition: Callable[[], object], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.01)

    async def more(self, count: int) -> list[AccessUnit]:
        start = len(self.units)
        await self.until(lambda: len(self.units) >= start + count)
        return self.units[start : start + count]


@contextlib.asynccontextmanager
async def running(plan: CameraPlan, **options: object) -> AsyncIterator[Seen]:
    quick = {"interval": INTERVAL, "patience": 0.25}
    camera = PlaceholderCapture(plan, CaptureProcess(plan), **{**quick, **options})
    seen = Seen(camera)
    task = asyncio.create_task(camera.run())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def plan(**changes):
    return small_camera(label="Front door", **{"respawn": Respawn(base=0.05, ceiling=0.2)} | changes)


async def test_a_frozen_camera_shows_the_still_and_comes_back_with_a_keyframe(decode_video, counter_of):
    async with running(plan(encodings=[TINY, SMALL]), patience=PATIENCE) as seen:
        await seen.until(lambda: {unit.layer for unit in seen.units} == {0, 1})
        frozen = time.monotonic()
        os.kill(seen.camera.status().pid, signal.SIGSTOP)
        await seen.until(lambda: seen.camera.status().placeholder)
        assert 1.0 <= time.monotonic() - frozen < 2.0
        await seen.until(lambda: not seen.camera.status().placeholder)
        assert time.monotonic() - frozen < 3.0 + 0.5  # the capture's own promise, and a busy machine
        await seen.more(10)
    for layer in (0, 1):
        units = [unit for unit in seen.units if unit.layer == layer]
        # A decoder that is given all of it sees live pictures, then the still, then live pictures.
        shown = [counter_of(frame) is not None for frame in decode_video(units)]
        assert [key for key, _ in itertools.groupby(shown)] == [True, False, True]
        back = len(shown) - shown[::-1].index(False)
        assert units[back].keyframe
        times = [unit.captured for unit in units]
        assert times == sorted(times)


async def test_a_camera_that_is_not_there_is_told_from_the_beginning_and_found_later(
    tmp_path, decode_video, counter_of
):
    film = tmp_path / "film.mkv"
    async with running(plan(source="file", device=str(film), encoder="x264")) as seen:
        first, second = await seen.more(2)
        assert seen.camera.status().state in {"waiting", "starting"}
        assert first.keyframe
        assert second.keyframe
        assert second.captured - first.captured == pytest.approx(INTERVAL, abs=0.2)
        (frame,) = decode_video([second])
        assert (frame.width, frame.height) == (320, 180)
        write_film(film)
        await seen.until(lambda: seen.camera.status().state == "running")
        await seen.until(lambda: not seen.camera.status().placeholder)
        count = len(seen.units)
        await seen.more(10)
        assert seen.units[count - 1].keyframe
        assert sum(unit.keyframe for unit in seen.units[count:]) <= 1


def write_film(path):
    with av.open(str(path.with_suffix(".part")), "w", format="matroska") as film:
        stream = film.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([100 + number]) * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    path.with_suffix(".part").rename(path)


async def test_a_keyframe_that_is_asked_for_is_sent_at_once_and_only_in_its_layer():
    lost = plan(source="file", device="/nonexistent", encodings=[TINY, SMALL])
    async with running(lost) as seen:
        await seen.more(2)
        asked = time.monotonic()
        seen.camera.request_keyframe(1)
        (unit,) = await seen.more(1)
        assert unit.layer == 1
        assert unit.captured - asked < 0.2
        seen.camera.set_active(1, False)
        seen.camera.request_keyframe(0)
        seen.camera.request_keyframe(1)
        assert {unit.layer for unit in await seen.more(2)} == {0}


async def test_a_new_sink_gets_the_still_at_once_and_a_detached_one_nothing():
    async with running(plan(source="file", device="/nonexistent")) as seen:
        await seen.more(1)
        seen.camera.detach()
        count = len(seen.units)
        later: list[AccessUnit] = []
        await asyncio.sleep(2 * INTERVAL)
        assert len(seen.units) == count
        attached = time.monotonic()
        seen.camera.attach(later.append)
        await seen.until(lambda: later)
        assert later[0].captured - attached < 0.5


async def test_the_still_is_made_once_and_not_on_the_loop(monkeypatch):
    made = []

    def encode(*_):
        made.append(threading.current_thread())
        return ((b"still",),)

    monkeypatch.setattr("edgemeet.media.still.encode_still", encode)
    async with running(plan(source="file", device="/nonexistent"), wall_clock=lambda: 1_700_000_000) as seen:
        await seen.more(2)
    assert len(made) == 1
    assert made[0] is not threading.main_thread()


async def test_a_still_that_cannot_be_made_harms_nothing(monkeypatch, caplog):
    def refuse(*_):
        raise DeviceFailed("no encoder")

    monkeypatch.setattr("edgemeet.media.still.encode_still", refuse)
    async with running(plan(source="file", device="/nonexistent")) as seen:
        await seen.until(lambda: "no placeholder can be made" in caplog.text)
        await asyncio.sleep(0.4)
        assert caplog.text.count("no placeholder can be made") == 1
        assert seen.camera.status().last_error is not None


async def test_layers_that_are_all_off_are_no_loss():
    async with running(plan()) as seen:
        await seen.more(5)
        seen.camera.set_active(0, False)
        await asyncio.sleep(0.6)
        count = len(seen.units)
        seen.camera.set_active(0, True)
        await seen.more(5)
        assert seen.units[count].keyframe
        assert not seen.camera.status().placeholder
        assert all(
            later.captured - earlier.captured < 0.5
            for earlier, later in itertools.pairwise(seen.units[count:])
        )


async def test_a_sudden_death_is_over_before_anybody_is_told():
    async with running(plan(), patience=10 * PATIENCE) as seen:  # others may use this machine too
        await seen.more(5)
        os.kill(seen.camera.status().pid, signal.SIGKILL)
        await seen.until(lambda: seen.camera.status().restarts == 1)
        await seen.more(10)
        assert sum(unit.keyframe for unit in seen.units) == 2
