import pytest
from av.video.frame import VideoFrame
from rigging.plans import SMALL

from edgemeet.encoded import AccessUnit
from edgemeet.media.encoders.speed import SPEEDS, Speed
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.sources.pattern import _testsrc2

FPS = 30
PERIOD = 1 / FPS


def take(speed, seconds, *, share):
    for _ in range(round(seconds * FPS)):
        speed.took(share * PERIOD)


def test_the_first_speed_stays_while_there_is_time():
    speed = Speed(FPS)
    take(speed, 300, share=0.5)
    assert speed.cpu_used == SPEEDS[0]


def test_a_slow_device_goes_down_to_the_last_speed_and_no_further():
    speed = Speed(FPS)
    seen = [speed.cpu_used]
    for _ in range(20 * FPS):
        speed.took(1.5 * PERIOD)
        if speed.cpu_used != seen[-1]:
            seen.append(speed.cpu_used)
    assert seen == list(SPEEDS)
    assert min(SPEEDS) >= -12  # the rate is not kept beyond


def test_one_picture_that_takes_long_changes_nothing():
    speed = Speed(FPS)
    take(speed, 10, share=0.2)
    speed.took(10 * PERIOD)
    take(speed, 10, share=0.2)
    assert speed.cpu_used == SPEEDS[0]


def test_the_better_speed_is_tried_again_after_a_minute_with_time_left():
    speed = Speed(FPS)
    take(speed, 2.1, share=0.9)
    assert speed.cpu_used == SPEEDS[1]
    take(speed, 55, share=0.2)
    assert speed.cpu_used == SPEEDS[1]
    take(speed, 10, share=0.2)
    assert speed.cpu_used == SPEEDS[0]


@pytest.mark.parametrize("slower", [1.2, 1.3])
def test_speeds_do_not_swing_to_and_fro(slower):
    """A device for which a scene is too much at the better speed, and just well at the next."""
    speed = Speed(FPS)
    changes = 0
    for _ in range(600 * FPS):
        before = speed.cpu_used
        speed.took((0.62 if before == SPEEDS[0] else 0.62 / slower) * PERIOD)
        changes += speed.cpu_used != before
    assert changes == 1


class SlowDevice:
    """A clock on which each picture takes a given share of the time for it: it is read before and after."""

    def __init__(self):
        self.now, self.share = 0.0, 0.1

    def __call__(self):
        self.now += self.share * PERIOD
        return self.now


def test_an_encoder_that_falls_behind_becomes_faster_with_one_keyframe(decode_video):
    graph = _testsrc2(SMALL.width, SMALL.height, FPS)
    device = SlowDevice()
    encoder = VpxEncoder(SMALL, clock=device)

    def encode(count):
        return [unit for _ in range(count) for unit in encoder.encode(graph.vpull(), keyframe=False)]

    well = encode(4 * FPS)
    device.share = 0.9
    slow = encode(3 * FPS)  # averaged over 2 s, so it is noticed once within three
    device.share = 0.1
    after = encode(4 * FPS)
    assert [number for number, unit in enumerate(well) if unit.keyframe] == [0]
    assert sum(unit.keyframe for unit in slow) == 1
    assert not any(unit.keyframe for unit in after)
    units = [AccessUnit(0, 0.0, unit.keyframe, unit.data) for unit in well + slow + after]
    pictures = decode_video(units, "vp8")
    assert len(pictures) == len(units) == 11 * FPS
    assert all(isinstance(picture, VideoFrame) and picture.width == SMALL.width for picture in pictures)
