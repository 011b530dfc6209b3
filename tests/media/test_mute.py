"""Silence from a microphone that stays open."""

import itertools

from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import Respawn, microphone_plan

PLAN = microphone_plan(source="tone", respawn=Respawn(healthy=0.0))


def loudest(samples) -> int:
    return max(map(abs, samples))


async def test_a_muted_microphone_sends_silence_and_goes_on_where_it_was(recording, decode_audio, find_tone):
    async with recording(CaptureProcess(PLAN)) as seen:
        await seen.more(10)
        seen.capture.set_muted(True)
        await seen.until(lambda: seen.units[-1].audio_level == 127)
        muted = await seen.more(15)
        pid = seen.capture.status().pid
        seen.capture.set_muted(False)
        await seen.until(lambda: seen.units[-1].audio_level == 15)
        heard = await seen.more(30)
        assert seen.capture.status().pid == pid
    assert {unit.audio_level for unit in muted} == {127}
    assert loudest(decode_audio(muted)[4800:]) <= 2
    assert find_tone(decode_audio(heard)[9600:]).purity > 0.9
    steps = [round((b.captured - a.captured) * 1000) for a, b in itertools.pairwise(muted)]
    # Silence is sent for a fifth of a second, and then a packet of it now and then (DTX).
    assert steps[0] == 20
    assert min(steps[-3:]) >= 360


async def test_a_new_child_is_muted_from_its_first_period(recording):
    capture = CaptureProcess(PLAN)
    capture.set_muted(True)
    async with recording(capture) as seen:
        units = await seen.more(12)
    assert {unit.audio_level for unit in units} == {127}
