import av
import pytest
from rigging.pictures import noisy_pictures

from edgemeet.encoded import VideoEncoding
from edgemeet.media.camera import Layer
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.sources.protocols import RawPicture
from edgemeet.media.thinning import Thinning

FPS = 30


def see(thinning, seconds, quantizer):
    """Divisors in the order in which they come, for a scene with this quantizer whatever is left out."""
    seen, elapsed = [thinning.divisor], 0.0
    while elapsed < seconds:
        elapsed += thinning.divisor / FPS
        thinning.saw(quantizer(thinning.divisor) if callable(quantizer) else quantizer)
        if thinning.divisor != seen[-1]:
            seen.append(thinning.divisor)
    return seen


def test_all_pictures_are_encoded_where_they_are_coded_well():
    assert see(Thinning(FPS), 300, 37) == [1]


def test_a_coarse_beginning_changes_nothing():
    thinning = Thinning(FPS)
    assert see(thinning, 1.5, 50) + see(thinning, 60, 33) == [1, 1]


@pytest.mark.parametrize(("fps", "least"), [(60, 3), (30, 3), (25, 2), (20, 2), (15, 1), (5, 1)])
def test_ten_pictures_a_second_are_left_at_least(fps, least):
    thinning = Thinning(fps)
    for _ in range(30 * fps):
        thinning.saw(51)
    assert thinning.divisor == least


def test_more_pictures_come_back_once_they_are_coded_well():
    thinning = Thinning(FPS)
    assert see(thinning, 4, 50) == [1, 2]
    assert see(thinning, 4, 28) == [2]
    assert see(thinning, 10, 28) == [2, 1]


def test_a_scene_that_is_well_with_half_the_pictures_alone_is_tried_less_and_less_often():
    seen = see(Thinning(FPS), 600, lambda divisor: 51 if divisor == 1 else 29)
    assert 4 <= len(seen) <= 20  # each try is three seconds of bad pictures: 5, 10, 20 ... 160 s apart
    assert set(seen) == {1, 2}


class _Camera:
    encoded, encoder_name, fps = False, "", FPS


class _Outlet:
    """Takes everything; `congested` and `offer` are all that a layer asks of one."""

    def __init__(self):
        self.units = []

    def congested(self):
        return False

    def offer(self, header, data):
        self.units.append(data)
        return True


def test_a_layer_leaves_pictures_out_at_a_rate_that_is_too_low_and_keeps_the_rate():
    encoding = VideoEncoding(width=320, height=180, fps=FPS, max_bitrate=4_000_000)
    outlet, camera = _Outlet(), _Camera()
    layer = Layer(0, encoding, camera, X264Encoder(encoding), outlet)
    pictures = noisy_pictures(encoding.width, encoding.height, FPS)
    number = 0

    def run(seconds):
        nonlocal number
        outlet.units.clear()
        for _ in range(seconds * FPS):
            layer.send(RawPicture(next(pictures), number))
            number += 1
        return outlet.units[:]

    everything = run(4)
    assert len(everything) == 4 * FPS
    layer.set_bitrate(60_000)
    settling = run(12)
    starved = run(6)
    assert len(starved) == 6 * FPS // 3
    assert 8 * sum(map(len, starved)) / 6 < 1.5 * 60_000
    layer.set_bitrate(4_000_000)
    rising = []
    while len(rising) < 90 * FPS:  # five seconds a step, once x264 has climbed
        newest = run(1)
        rising += newest
        if len(newest) == FPS:
            break
    assert len(newest) == FPS
    decoder = av.CodecContext.create("h264", "r")
    units = everything + settling + starved + rising
    pictures = [picture for unit in units for picture in decoder.decode(av.Packet(unit))]
    assert len(pictures) + len(decoder.decode(None)) == len(units)
