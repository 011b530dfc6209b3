"""Pictures from a running camera."""

import asyncio
import io
import os
import random
import signal
import time
from dataclasses import replace
from fractions import Fraction

import av
import pytest
from PIL import Image
from rigging.plans import small_camera

from edgemeet.errors import DeviceFailed
from edgemeet.media import counter
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.snapshot import decode_keyframe, encode_jpeg


def counter_in(jpeg: bytes) -> int | None:
    image = Image.open(io.BytesIO(jpeg)).convert("L")
    # JPEG's luma is 0 to 255, the counter's threshold lies near the middle of both.
    return counter.read(lambda x, y: image.getpixel((x, y)), image.width)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuvj420p"])
@pytest.mark.parametrize(("luma", "grey"), [(16, 0), (126, 128), (235, 255)])
def test_a_jpeg_has_the_levels_of_the_picture(pixel_format, luma, grey):
    frame = av.VideoFrame(64, 48, pixel_format)
    if pixel_format == "yuvj420p":
        luma = grey
    frame.planes[0].update(bytes([luma]) * frame.planes[0].buffer_size)
    for plane in frame.planes[1:]:
        plane.update(b"\x80" * plane.buffer_size)
    image = Image.open(io.BytesIO(encode_jpeg(frame)))
    assert (image.format, image.size) == ("JPEG", (64, 48))
    assert all(abs(band - grey) <= 3 for band in image.convert("RGB").getpixel((32, 24)))


@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x01\x65rubbish"])
def test_what_is_no_keyframe_gives_a_documented_error(data):
    with pytest.raises((ValueError, av.FFmpegError)):
        decode_keyframe(data, "h264")


async def test_a_snapshot_is_the_picture_of_now_and_disturbs_nothing(recording, decode_video, counter_of):
    async with recording(CaptureProcess(small_camera())) as seen:
        await seen.more(5)
        asked = counter_of(decode_video(seen.units)[-1])
        first, second = await asyncio.gather(seen.capture.snapshot(), seen.capture.snapshot())
        assert first == second, "asked for at the same time"
        assert Image.open(io.BytesIO(first)).size == (320, 180)
        assert asked < counter_in(first) < asked + 60
        await seen.more(10)
        assert counter_in(await seen.capture.snapshot()) > counter_in(first)
        await seen.more(10)
        status = seen.capture.status()
    counts = [counter_of(frame) for frame in decode_video(seen.units)]
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    assert (status.dropped, status.restarts) == (0, 0)
    assert sum(unit.keyframe for unit in seen.units) == 1


async def test_a_snapshot_needs_nobody_who_watches(until):
    capture = CaptureProcess(small_camera())
    task = asyncio.create_task(capture.run())
    await until(lambda: capture.status().state == "running")
    jpeg = await capture.snapshot()
    task.cancel()
    await asyncio.wait([task])
    assert counter_in(jpeg) is not None


async def test_a_snapshot_larger_than_the_socket_goes_through(tmp_path, recording):
    film = tmp_path / "noise.mkv"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame(640, 480, "yuv420p")
            for plane in frame.planes:
                plane.update(random.randbytes(plane.buffer_size))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    noisy = small_camera(source="file", device=str(film), width=640, height=480, fps=10)
    async with recording(CaptureProcess(noisy)) as seen:
        await seen.more(2)
        jpeg = await seen.capture.snapshot()
        assert len(jpeg) > 208 * 1024
        assert Image.open(io.BytesIO(jpeg)).size == (640, 480)
        await seen.more(3)


async def test_a_camera_that_encodes_itself_gives_its_last_keyframe(tmp_path, recording):
    film = tmp_path / "film.mkv"
    with av.open(str(film), "w") as out:
        stream = out.add_stream("libx264", rate=30, options={"profile": "baseline", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame(320, 180, "yuv420p")
            for plane in frame.planes:
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    async with recording(CaptureProcess(small_camera(source="file", device=str(film)))) as seen:
        await seen.more(3)
        assert seen.capture.status().encoder == "passthrough"
        image = Image.open(io.BytesIO(await seen.capture.snapshot()))
        assert image.size == (320, 180)
        assert abs(image.convert("L").getpixel((160, 90)) - 130) < 4


async def test_a_camera_that_is_not_there_says_so(until):
    capture = CaptureProcess(small_camera(source="file", device="/nonexistent"))
    with pytest.raises(DeviceFailed) as caught:
        await capture.snapshot()
    assert caught.value.code == "snapshot.camera_lost"
    task = asyncio.create_task(capture.run())
    await until(lambda: capture.status().last_error)
    with pytest.raises(DeviceFailed, match="there is no file /nonexistent"):
        await capture.snapshot()
    task.cancel()
    await asyncio.wait([task])


async def test_a_camera_that_hangs_is_not_waited_for(recording):
    patient = small_camera()
    patient = replace(patient, deadlines=replace(patient.deadlines, gap=5.0))
    async with recording(CaptureProcess(patient)) as seen:
        await seen.more(1)
        os.kill(seen.capture.status().pid, signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(DeviceFailed) as caught:
            await seen.capture.snapshot(timeout=0.3)
        assert time.monotonic() - start < 1.0
        assert caught.value.code == "snapshot.timeout"
        waiting = asyncio.create_task(seen.capture.snapshot(timeout=20))
        await asyncio.sleep(0)
        os.kill(seen.capture.status().pid, signal.SIGKILL)
        with pytest.raises(DeviceFailed) as caught:
            await waiting
        assert caught.value.code == "snapshot.failed"
