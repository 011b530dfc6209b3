import asyncio
import contextlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rigging.plans import SMALL, small_camera

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import DeviceBusy, DeviceFailed, DeviceNotFound
from edgemeet.media import annexb
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.layers import encodings
from edgemeet.media.plan import Deadlines, Respawn, camera_plan, microphone_plan

# A few by default; several hundred show leaks that a few would not.
ROUNDS = int(os.environ.get("EDGEMEET_TEST_ROUNDS", "6"))
FORGIVING = Respawn(healthy=0.0)  # every respawn is a first one, at once


def camera(**changes):
    return small_camera(**{"respawn": FORGIVING} | changes)


def tone(**changes):
    return microphone_plan(source="tone", respawn=FORGIVING, **changes)


def stubborn(fault):
    return (sys.executable, "-P", str(Path(__file__).with_name("stubborn_child.py")), fault)


async def test_pictures_change_and_their_counter_goes_up_by_one(recording, decode_video, counter_of):
    async with recording(CaptureProcess(camera(label="test"))) as seen:
        await seen.more(30)
    assert seen.units[0].keyframe
    assert list(annexb.nal_types(seen.units[0].data))[:2] == [annexb.SPS, annexb.PPS]
    frames = decode_video(seen.units)
    counts = [counter_of(frame) for frame in frames]
    assert len(counts) >= 30
    assert counts == list(range(counts[0], counts[0] + len(counts)))
    assert len({bytes(frame.planes[0]) for frame in frames}) == len(frames)
    times = [unit.captured for unit in seen.units]
    assert times == sorted(times)
    assert 0 < time.monotonic() - times[-1] < 30


async def test_three_layers_show_the_same_pictures(recording, decode_video, counter_of):
    layers = encodings(640, 360, 30, multistream=True, codec="h264", max_bitrate=None)
    plan = camera(width=640, height=360, encodings=layers)
    async with recording(CaptureProcess(plan)) as seen:
        await seen.until(lambda: len(seen.layer(0)) >= 8 and len(seen.layer(1)) >= 8)
    for index, layer in enumerate(layers):
        units = seen.layer(index)
        frames = decode_video(units)
        assert {(frame.width, frame.height) for frame in frames} == {(layer.width, layer.height)}
        counts = [counter_of(frame) for frame in frames]
        assert None not in counts
        steps = {b - a for a, b in itertools.pairwise(counts)}
        assert steps <= ({2} if layer.fps == 15 else {1, 2})
        # One capture time per picture, whatever the layer.
        by_time = {round(unit.captured * 1000): count for unit, count in zip(units, counts, strict=True)}
        first = min(by_time)
        assert all(abs((t - first) / (1000 / 30) - (c - by_time[first])) < 0.1 for t, c in by_time.items())


async def test_a_requested_keyframe_is_there_within_three_pictures(recording):
    async with recording(CaptureProcess(camera())) as seen:
        await seen.more(10)
        for _ in range(3):
            seen.capture.request_keyframe(0)
            units = await seen.more(4)
            assert any(unit.keyframe for unit in units[:4])
    assert sum(unit.keyframe for unit in seen.units) <= 5


async def test_the_rate_follows_without_new_parameter_sets(recording):
    plan = camera(fps=60, encodings=[VideoEncoding(320, 180, 60, 600_000)])
    async with recording(CaptureProcess(plan)) as seen:
        await seen.more(20)
        high = await seen.more(30)
        seen.capture.set_bitrate(0, 150_000)
        await seen.more(60)  # the rate's buffer of one second
        low = await seen.more(30)
    assert sum(len(u.data) for u in low) < 0.45 * sum(len(u.data) for u in high)
    assert [unit.keyframe for unit in seen.units].count(True) == 1


async def test_a_layer_that_is_off_costs_nothing_and_comes_back_with_a_keyframe(recording):
    plan = camera(encodings=[VideoEncoding(160, 90, 30, 100_000), SMALL])
    async with recording(CaptureProcess(plan)) as seen:
        await seen.until(lambda: len(seen.layer(1)) > 5)
        seen.capture.set_active(1, False)
        await seen.more(5)
        assert {unit.layer for unit in await seen.more(10)} == {0}
        before = len(seen.layer(1))
        seen.capture.set_active(1, True)
        await seen.until(lambda: len(seen.layer(1)) > before)
    assert seen.layer(1)[before].keyframe


async def test_nobody_attached_is_no_stall_and_an_attached_sink_starts_with_a_keyframe(recording, until):
    capture = CaptureProcess(camera(deadlines=Deadlines(gap=0.7)))
    async with recording(capture) as seen:
        await seen.more(3)
        capture.detach()
        await asyncio.sleep(0.2)
        count = len(seen.units)
        frames = capture.status().frames
        await until(lambda: capture.status().frames > frames + 30)
        assert len(seen.units) == count
        assert capture.status().restarts == 0
        capture.attach(seen.units.append)
        await seen.more(1)
        assert seen.units[count].keyframe


async def test_a_sink_that_raises_loses_only_its_unit(caplog):
    capture = CaptureProcess(camera())
    calls = 0

    def sink(_):
        nonlocal calls
        calls += 1
        raise RuntimeError("a bug")

    capture.attach(sink)
    task = asyncio.create_task(capture.run())
    async with asyncio.timeout(30):
        while calls < 3:
            await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "lost by its receiver" in caplog.text


async def test_vp8_works_too(recording, decode_video, counter_of):
    async with recording(CaptureProcess(camera(codec="vp8"))) as seen:
        await seen.more(15)
        assert seen.capture.status().encoder == "libvpx"
    counts = [counter_of(frame) for frame in decode_video(seen.units, "vp8")]
    assert counts == list(range(len(seen.units)))


async def test_a_tone_is_heard_at_its_frequency(recording, decode_audio, find_tone):
    async with recording(CaptureProcess(tone(tone_hz=523.25))) as seen:
        await seen.more(60)
    heard = find_tone(decode_audio(seen.units[20:]))
    assert heard.hertz == pytest.approx(523.25, abs=2)
    assert heard.purity > 0.9
    assert {unit.audio_level for unit in seen.units} == {15}
    assert all(unit.keyframe and unit.layer == 0 for unit in seen.units)
    steps = [
        round((b.captured - a.captured) * 1000) for a, b in zip(seen.units, seen.units[1:], strict=False)
    ]
    assert steps.count(20) > 0.9 * len(steps)


async def test_gain_is_applied(recording):
    async with recording(CaptureProcess(tone(gain_db=-12.0))) as seen:
        await seen.more(5)
    assert {unit.audio_level for unit in seen.units} == {27}


async def test_a_child_that_is_killed_or_frozen_is_replaced_within_three_seconds(recording, gone):
    async def replaced(number, expected):
        capture = CaptureProcess(camera_plan(source="test", width=320, height=180, encodings=[SMALL]))
        async with recording(capture) as seen:
            await seen.more(10)
            capture.set_bitrate(0, 100_000)
            first = capture.status().pid
            os.kill(first, number)
            count = len(seen.units)
            start = time.monotonic()
            await seen.until(lambda: capture.status().restarts == 1 and len(seen.units) > count + 2)
            assert time.monotonic() - start < 3.0, number
            status = capture.status()
            assert status.pid != first
            assert status.state == "running"
            assert status.last_error.code == expected
            assert gone(first)
        assert any(unit.keyframe for unit in seen.units[count:])

    await asyncio.gather(
        replaced(signal.SIGKILL, "device.process_ended"),
        replaced(signal.SIGSTOP, "device.stalled"),
        replaced(signal.SIGTERM, "device.process_ended"),
    )


async def test_each_way_to_fail_has_its_code(until, children):
    async def failure(fault):
        # The others have to come as far as their fault, and to end by themselves.
        start = 0.5 if fault == "hang-in-open" else 10.0
        deadlines = Deadlines(start=start, first_frame=0.3, stop=10.0)
        capture = CaptureProcess(camera(deadlines=deadlines), program=stubborn(fault))
        task = asyncio.create_task(capture.run())
        await until(lambda: capture.status().last_error)
        error = capture.status().last_error
        await until(lambda: capture.status().restarts >= 1)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return error

    codes = {
        "hang-in-open": "device.start_timeout",
        "hang-in-read": "device.first_frame_timeout",
        "crash-in-read": "device.process_ended",
        "busy": "device.busy",
        "nonsense": "device.process_protocol",
    }
    errors = dict(zip(codes, await asyncio.gather(*map(failure, codes)), strict=True))
    assert children() == []
    assert {fault: error.code for fault, error in errors.items()} == codes
    assert type(errors["busy"]) is DeviceBusy
    assert errors["busy"].hint == "close it"
    assert errors["crash-in-read"].message == "the camera's process ended with exit code 1"
    assert errors["crash-in-read"].hint == "its last words: ValueError: the driver is confused"


async def test_a_source_that_sleeps_in_stop_is_ended_by_force(recording, children):
    capture = CaptureProcess(camera(deadlines=Deadlines(stop=0.3)), program=stubborn("hang-in-stop"))
    async with recording(capture) as seen:
        await seen.more(5)
        start = time.monotonic()
    assert 0.3 <= time.monotonic() - start < 1.5
    assert children() == []
    assert capture.status().state == "stopped"


async def test_output_of_a_child_is_logged_within_bounds(caplog, until):
    caplog.set_level(logging.INFO)
    capture = CaptureProcess(camera(), program=stubborn("chatter"))
    task = asyncio.create_task(capture.run())
    await until(lambda: capture.status().restarts >= 1)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    lines = [r.getMessage() for r in caplog.records if r.name == "edgemeet.media.child_output"]
    assert 10 <= len(lines) < 200
    assert max(map(len, lines)) < 600


async def test_a_missing_device_is_waited_for_and_warned_about_once(caplog, until):
    plan = microphone_plan(
        source="file", device="/nonexistent/sound.wav", respawn=Respawn(base=0.05, ceiling=0.1)
    )
    capture = CaptureProcess(plan)
    task = asyncio.create_task(capture.run())
    await until(lambda: capture.status().restarts >= 3)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert type(capture.status().last_error) is DeviceNotFound
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1


async def test_rounds_of_sudden_death_leave_nothing(recording, open_files, children):
    capture = CaptureProcess(tone())
    async with recording(capture) as seen:
        await seen.more(3)
        before = open_files()
        for number in range(ROUNDS):
            pid = capture.status().pid
            os.kill(pid, signal.SIGKILL)
            await seen.until(lambda n=number: capture.status().restarts == n + 1)
            await seen.until(lambda: capture.status().state == "running")
            assert len(children()) == 1
            assert len(asyncio.all_tasks()) == 2
        await seen.more(3)
        assert open_files() == before
    assert children() == []
    assert (
        capture.status().frames >= ROUNDS // 2
    )  # each child reports its first period, some die before it is read


async def test_cancelling_at_any_moment_leaves_nothing(open_files, children):
    before = open_files()
    for delay in (0.0, 0.001, 0.05, 0.15, 0.4):
        task = asyncio.create_task(CaptureProcess(tone()).run())
        await asyncio.sleep(delay)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert children() == []
        assert open_files() == before


async def test_cancelling_twice_does_not_wait_for_a_stubborn_child(recording, children):
    capture = CaptureProcess(camera(deadlines=Deadlines(stop=20.0)), program=stubborn("hang-in-stop"))
    units = []
    capture.attach(units.append)
    task = asyncio.create_task(capture.run())
    async with asyncio.timeout(30):
        while not units:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.2)
    assert not task.done()
    start = time.monotonic()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert time.monotonic() - start < 2
    assert children() == []


async def test_one_run_at_a_time_and_another_after_it(recording):
    capture = CaptureProcess(tone())
    async with recording(capture) as seen:
        await seen.more(1)
        with pytest.raises(RuntimeError, match="running already"):
            await capture.run()
    async with recording(capture) as seen:
        await seen.more(1)


async def test_a_parent_that_does_not_read_costs_pictures_and_no_memory(recording, until):
    plan = camera(
        width=640,
        height=360,
        encodings=[VideoEncoding(640, 360, 30, 4_000_000)],
        deadlines=Deadlines(gap=0.5),
    )
    capture = CaptureProcess(plan)
    async with recording(capture) as seen:
        await seen.more(5)
        pid = capture.status().pid
        before = resident(pid)
        time.sleep(1.2)  # noqa: ASYNC251 - the loop is held up on purpose
        after = resident(pid)
        # Nothing is wrong with the child: it is neither ended nor larger, it has dropped.
        await until(lambda: capture.status().dropped > 0)
        await seen.more(5)
        assert capture.status().pid == pid
        assert after - before < 4_000


def resident(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no such process")


async def test_the_child_gets_one_socket_and_no_secret(recording, monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEMEET_PROVISIONING__TOKEN", "hush-hush")
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    with open(tmp_path / "ours", "w") as ours:  # noqa: ASYNC230 - a descriptor that must not be passed on
        os.set_inheritable(ours.fileno(), True)
        async with recording(CaptureProcess(tone())) as seen:
            await seen.more(1)
            pid = seen.capture.status().pid
            links, environment = descriptors(pid), environ(pid)
            session = os.getsid(pid)
    assert sum(link.startswith("socket:") for link in links) == 1
    assert not any("ours" in link for link in links)
    assert b"hush-hush" not in environment
    assert b"NOTIFY_SOCKET" not in environment
    assert session == pid


def descriptors(pid):
    return [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]


def environ(pid):
    return Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.parametrize("fault", ["none", "hang-in-read"])
async def test_the_child_dies_with_its_parent(fault, until, gone):
    code = f"""
import asyncio
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import camera_plan
from edgemeet.encoded import VideoEncoding
plan = camera_plan(source="test", width=320, height=180, encodings=[VideoEncoding(320, 180, 30, 300000)])
capture = CaptureProcess(plan, program={stubborn(fault)!r})
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(capture.run())
        while not (capture.status().pid and capture._session.opened):
            await asyncio.sleep(0.01)
        print(capture.status().pid, flush=True)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:  # noqa: ASYNC220 - a program that is to be killed, ten lines long
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not gone(pid)
        parent.kill()
        parent.wait()
    await until(lambda: gone(pid) or is_orphaned_zombie(pid))


def is_orphaned_zombie(pid):
    """Where nothing reaps orphans (a container without an init) the dead stay listed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_microphone_needs_no_libav():
    code = (
        "import sys, edgemeet.media.child, edgemeet.media.sources.tone, edgemeet.media.sources.alsa,"
        " edgemeet.media.microphone; edgemeet.media.microphone.opus_encoder(32_000); print(*sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"av", "asyncio", "numpy", "PIL"} & set(ended.stdout.split())


def test_the_child_loads_nothing_heavy():
    code = (
        "import sys, edgemeet.media.child, edgemeet.media.camera, edgemeet.media.sources.pattern,"
        " edgemeet.media.microphone, edgemeet.media.encoders.opus_libav; print(*sys.modules)"
    )
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )
    assert not loaded & {"pydantic", "aiortc", "httpx", "asyncio", "websockets", "numpy", "cryptography"}


async def test_no_descriptor_left_for_a_new_child(monkeypatch, children, open_files):
    def refuse(_):
        raise OSError(24, "Too many open files")

    before = open_files()
    monkeypatch.setattr(os, "pidfd_open", refuse)
    task = asyncio.create_task((capture := CaptureProcess(tone())).run())
    async with asyncio.timeout(30):
        while not capture.status().last_error:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert children() == []
    assert open_files() == before


def test_the_process_cannot_be_started(monkeypatch):
    async def main():
        capture = CaptureProcess(tone(), program=("/nonexistent/python",))
        task = asyncio.create_task(capture.run())
        async with asyncio.timeout(10):
            while not capture.status().last_error:
                await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return capture.status().last_error

    error = asyncio.run(main())
    assert type(error) is DeviceFailed
    assert "cannot be started" in error.message
