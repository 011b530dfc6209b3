"""Microphones through the real alsa-lib: over its `file` plugin, and over a PulseAudio of the test's own."""

import asyncio
import math
import time
from array import array

import pytest

from edgemeet.errors import DeviceFailed, DeviceNotFound
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import Respawn, microphone_plan

pytestmark = pytest.mark.alsa

SECONDS = 6


@pytest.fixture
def raw_tone(tmp_path):
    def write(hertz, rate=48_000, seconds=SECONDS):
        path = tmp_path / f"{hertz}.raw"
        one_second = array("h", (round(8192 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(rate)))
        path.write_bytes(one_second.tobytes() * seconds)
        return path

    return write


@pytest.fixture
def asoundrc(tmp_path, monkeypatch):
    def write(text):
        path = tmp_path / "asound.conf"
        path.write_text(text)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(path))

    return write


def file_device(infile, slave="{ type null }"):
    return f'pcm.mic {{ type file slave.pcm {slave} file "/dev/null" infile "{infile}" format "raw" }}\n'


async def test_a_tone_through_the_file_plugin_is_found_and_paced(
    raw_tone, asoundrc, recording, decode_audio, find_tone
):
    asoundrc(file_device(raw_tone(440)))
    async with recording(CaptureProcess(microphone_plan(source="alsa", device="mic"))) as seen:
        await seen.more(1)
        start = time.monotonic()
        units = await seen.more(60)
        elapsed = time.monotonic() - start
        assert seen.capture.status().source == "alsa mic"
    # 1.2 s of sound; alsa-lib would give them in 4 ms, the buffer lets 160 ms go ahead.
    assert elapsed > 0.9
    heard = find_tone(decode_audio(units)[9600:])
    assert heard.hertz == pytest.approx(440, abs=2)
    assert heard.purity > 0.9
    assert {unit.audio_level for unit in units} == {15}


async def test_a_device_that_is_not_there(asoundrc, until):
    asoundrc("pcm.other { type null }\n")
    capture = CaptureProcess(microphone_plan(source="alsa", device="hw:CARD=Absent"))
    task = asyncio.create_task(capture.run())
    await until(lambda: capture.status().last_error)
    task.cancel()
    await asyncio.wait([task])
    error = capture.status().last_error
    assert type(error) is DeviceNotFound
    assert error.message == 'there is no microphone "hw:CARD=Absent"'
    assert "arecord -L" in error.hint


async def test_a_tone_through_pulse_and_its_server_killed_and_started_again(
    pulse, raw_tone, asoundrc, recording, decode_audio, find_tone
):
    asoundrc(pulse.asoundrc)
    tone = raw_tone(440, seconds=60)
    await asyncio.to_thread(pulse.start, tone)
    plan = microphone_plan(source="alsa", device="mic", respawn=Respawn(healthy=0.5))
    async with recording(CaptureProcess(plan)) as seen:
        await seen.until(lambda: [u.audio_level for u in seen.units[-40:]] == [15] * 40)
        heard = find_tone(decode_audio(seen.units[-40:])[9600:])
        assert heard.hertz == pytest.approx(440, abs=2)
        assert heard.purity > 0.9
        steps = [
            round((b.captured - a.captured) * 1000)
            for a, b in zip(seen.units[-40:], seen.units[-39:], strict=False)
        ]
        assert steps.count(20) >= 36

        pulse.stop()
        await seen.until(lambda: seen.capture.status().restarts >= 2)
        error = seen.capture.status().last_error
        assert isinstance(error, DeviceFailed | DeviceNotFound), error
        await asyncio.to_thread(pulse.start, tone)
        back = time.monotonic()
        count = len(seen.units)
        await seen.until(lambda: len(seen.units) > count + 5 and seen.units[-1].audio_level == 15)
        assert time.monotonic() - back < 3.0
