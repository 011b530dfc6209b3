"""Real picamera2 on libcamera's virtual camera: from `edgemeet run` to Chromium, and its faults."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import time
from typing import Any

import pytest

pytestmark = [pytest.mark.devices, pytest.mark.asyncio(loop_scope="module")]

NAME = "Pi"
ROOM = "abcd-efgh-ijkl"
LIVE = 15  # pictures in a row that all differ: a still that stands in for the camera does not


async def live_pictures(watcher: Any, *, count: int = LIVE, within: float = 20) -> list[dict[str, Any]]:
    """Decoded pictures, each unlike the one before: the bars move by a column with each picture."""
    peer = await watcher.expect_shown(NAME)
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        seen: list[dict[str, Any]] = await watcher.page.evaluate(
            "({peer, count}) => edgemeet.watchFrames(peer, count, 20000)", {"peer": peer, "count": count}
        )
        if len({picture["hash"] for picture in seen}) == count:
            return seen
    pytest.fail(f"no {count} live pictures within {within:g} s")


def camera_of(status: Any) -> Any:
    return next(capture for capture in status.captures if capture.kind == "video")


def alive(pid: int) -> bool:
    """A zombie counts."""
    return os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("source", ["auto", "picamera2"])
async def test_its_pictures_are_seen(source: str, sandbox_url: str, start_device: Any, watcher: Any) -> None:
    device = await start_device(sandbox_url, CAMERA__SOURCE=source)
    await watcher.open(sandbox_url, ROOM)
    pictures = await live_pictures(watcher, count=60)
    assert {(picture["width"], picture["height"]) for picture in pictures} == {(1280, 720)}
    rate = (len(pictures) - 1) / (pictures[-1]["at"] - pictures[0]["at"]) * 1000
    assert 20 < rate < 40
    camera = camera_of(await device.expect(lambda s: s.state == "joined"))
    assert camera.source == "picamera2 Virtual bars (Virtual0)"
    assert camera.encoder == "libx264"
    assert camera.state == "running"


async def test_a_frozen_camera_is_replaced_and_seen_again(
    sandbox_url: str, start_device: Any, watcher: Any, rig: Any
) -> None:
    device = await start_device(sandbox_url, CAMERA__SOURCE="picamera2")
    await watcher.open(sandbox_url, ROOM)
    await live_pictures(watcher)
    first = device.camera_process()
    assert first
    rig.stall.touch()
    frozen = time.monotonic()
    while alive(first):
        assert time.monotonic() - frozen < 8, "the process whose camera hangs must be ended"
        await asyncio.sleep(0.02)
    rig.stall.unlink()
    thawed = time.monotonic()
    await live_pictures(watcher)
    took = time.monotonic() - thawed
    assert took < 8 + LIVE / 30 + 2, f"{took:.1f} s from the thaw to {LIVE} live pictures"
    status = await device.status()
    assert status.joins == 1
    assert camera_of(status).restarts >= 1
    assert device.camera_process() not in {None, first}


async def test_a_camera_that_stays_frozen_does_not_end_the_meeting(
    sandbox_url: str, start_device: Any, watcher: Any, rig: Any
) -> None:
    device = await start_device(sandbox_url, CAMERA__SOURCE="picamera2")
    await watcher.open(sandbox_url, ROOM)
    await live_pictures(watcher)
    rig.stall.touch()
    await device.expect(lambda s: camera_of(s).restarts >= 2, within=40)
    status = await device.expect(lambda s: any(h.code.startswith("device.") for h in s.health))
    assert (status.state, status.joins) == ("joined", 1)
    assert "Traceback" not in device.log
    rig.stall.unlink()
    await live_pictures(watcher, within=30)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_killed_or_stopped_process_is_replaced(
    number: signal.Signals, sandbox_url: str, start_device: Any, watcher: Any
) -> None:
    device = await start_device(sandbox_url, CAMERA__SOURCE="picamera2")
    await watcher.open(sandbox_url, ROOM)
    await live_pictures(watcher)
    first = device.camera_process()
    os.kill(first, number)
    hit = time.monotonic()
    await device.expect(lambda s: camera_of(s).restarts == 1 and camera_of(s).state == "running", within=10)
    took = time.monotonic() - hit
    await live_pictures(watcher)
    assert took < 8, f"{took:.1f} s until the next process gave pictures"
    assert not alive(first), "no zombie may stay"


async def test_layers_are_made_of_both_streams(sandbox_url: str, start_device: Any, watcher: Any) -> None:
    await start_device(sandbox_url, CAMERA__SOURCE="picamera2", MEETING__MULTISTREAM="true")
    await watcher.open(sandbox_url, ROOM)
    await watcher.expect_width(NAME, 1280)
    for button, width in (("low", 320), ("high", 1280)):
        await watcher.page.get_by_role("button", name=button).click()
        await watcher.expect_width(NAME, width)
        await live_pictures(watcher)


PROGRAM = """
import json, sys
from edgemeet.errors import DeviceError
from edgemeet.media.layers import encodings
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources.choice import camera_source

def open_it(**changes):
    layers = encodings(1280, 720, 30, multistream=changes.pop("multistream", False), codec="h264",
                       max_bitrate=None)
    return camera_source(camera_plan(**{"source": "picamera2", "encodings": layers} | changes))

def fault(**changes):
    try:
        open_it(**changes).close()
    except DeviceError as error:
        return [type(error).__name__, error.message, error.hint]
    return None
"""


async def test_two_streams_are_one_picture_in_two_sizes(rig: Any) -> None:
    printed = await rig.python(
        PROGRAM
        + """
camera = open_it(multistream=True)
import time
seen = []
for _ in range(30):
    picture = camera.read()
    seen.append([picture.frame.width, picture.frame.height, picture.lores.width, picture.lores.height,
                 picture.captured_ns, time.monotonic_ns()])
luma = [bytes(f.planes[0])[f.planes[0].line_size * (f.height // 2):][:f.width]
        for f in (picture.frame, picture.lores)]
bars = [[row[int((k + 0.5) * len(row) / 16)] for k in range(16)] for row in luma]
camera.close()
print(json.dumps([seen, bars]))
"""
    )
    seen, bars = json.loads(printed)
    assert {tuple(one[:4]) for one in seen} == {(1280, 720, 640, 360)}
    captured = [one[4] for one in seen]
    assert captured == sorted(set(captured)), "times go up"
    assert all(0 <= now - then < 1_000_000_000 for *_, then, now in seen)
    steady = [(b - a) / 1e6 for a, b in itertools.pairwise(captured[10:])]
    assert 25 < sum(steady) / len(steady) < 42
    for row in bars:
        assert len(set(row)) >= 4, f"colour bars differ in brightness: {row}"


async def test_pictures_are_read_in_place_and_right(rig: Any) -> None:
    printed = await rig.python(
        """
import json
import numpy
from edgemeet.media.sources.shared_frames import frame_on
wrong = []
for width, height, stride in ((64, 48, 64), (60, 48, 64), (64, 90, 96), (62, 46, 128)):
    for pixel_format in ("yuv420p", "nv12"):
        memory = numpy.arange(stride * height * 3 // 2 + 4096, dtype=numpy.uint32).astype(numpy.uint8)
        frame = frame_on(memory, width, height, stride, pixel_format)
        rows = memory[: stride * height * 3 // 2].reshape(-1, stride)
        copied = numpy.zeros((height * 3 // 2, width), numpy.uint8)
        copied[:height] = rows[:height, :width]
        if pixel_format == "nv12":
            copied[height:] = rows[height:, :width]
        else:
            chroma = rows[height:].reshape(-1, stride // 2)[:, : width // 2]
            copied[height:] = chroma.reshape(-1, width)
        if not (frame.to_ndarray() == copied).all() or (frame.width, frame.height) != (width, height):
            wrong.append([width, height, stride, pixel_format])
        if height % 4 == 0:
            memory[:] = 7
            if not (frame.to_ndarray() == 7).all():
                wrong.append("copied")
print(json.dumps(wrong))
"""
    )
    assert json.loads(printed) == []


async def test_each_fault_has_its_own_words(rig: Any) -> None:
    printed = await rig.python(
        PROGRAM
        + """
held = open_it()
print(json.dumps({
    "busy": fault(),
    "unknown": fault(device="imx219"),
}))
held.close()
print(json.dumps({
    "size": fault(width=720, height=720),
    "control": fault(controls={"AfMode": "Auto"}),
    "again": fault(),
}))
"""
    )
    first, second = map(json.loads, printed.splitlines())
    faults = first | second
    assert faults["busy"][0] == "DeviceBusy"
    assert faults["unknown"][0] == "DeviceNotFound"
    assert "Virtual bars" in faults["unknown"][2]
    assert faults["size"][0] == "FormatNotOffered"
    assert "1280x720" in faults["size"][2]
    assert faults["control"][0] == "FormatNotOffered"
    assert "FrameDurationLimits" in faults["control"][2]
    assert faults["again"] is None


async def test_without_a_camera_auto_says_what_to_do(rig: Any) -> None:
    (rig.root / "usr/share/libcamera/pipeline/virtual/virtual.yaml").rename(rig.folder / "virtual.yaml")
    try:
        printed = await rig.python(PROGRAM + 'print(json.dumps(fault(source="auto")))')
    finally:
        (rig.folder / "virtual.yaml").rename(rig.root / "usr/share/libcamera/pipeline/virtual/virtual.yaml")
    kind, _, hint = json.loads(printed)
    assert kind == "DeviceNotFound"
    assert 'source = "test"' in hint


async def test_devices_are_listed_while_the_camera_is_in_use(
    sandbox_url: str, start_device: Any, watcher: Any, rig: Any
) -> None:
    device = await start_device(sandbox_url, CAMERA__SOURCE="picamera2")
    await watcher.open(sandbox_url, ROOM)
    await live_pictures(watcher)
    printed = await rig.python("from edgemeet.cli import main; main()", arguments=("devices", "--json"))
    listed = json.loads(printed)
    assert listed["schema_version"] == 1
    (camera,) = listed["cameras"]
    assert (camera["source"], camera["device"]) == ("picamera2", "0")
    assert "FrameDurationLimits" in camera["controls"]
    assert {"x264", "vpx"} <= set(camera["encoders"])
    modes = {(mode["format"], mode["width"], mode["height"]) for mode in camera["modes"]}
    assert ("NV12", 1280, 720) in modes
    assert camera_of(await device.status()).restarts == 0
