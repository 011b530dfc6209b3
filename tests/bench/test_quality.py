"""The parts of scripts/bench quality: what they measure with, on small pictures."""

from __future__ import annotations

import math

import av
import pytest
from rig.contenders import CONTENDERS, WITHOUT_DEBLOCKING
from rig.likeness import Comparison, psnr
from rig.rates import rate_of
from rig.scenes import SCENES, Scene

from edgemeet.encoded import VideoEncoding

SIZE = (320, 192)


@pytest.mark.parametrize(
    ("sizes", "mean", "worst", "largest"),
    [
        ([], 0, 0, 0),
        ([1000] * 60, 240_000, 240_000, 1000),
        ([1000] * 30 + [3000] * 30, 480_000, 720_000, 3000),
        ([1000] * 20 + [3000] * 30 + [1000] * 30, 420_000, 720_000, 3000),
        ([1000] * 15, 240_000, 240_000, 1000),
    ],
)
def test_rates_are_of_all_pictures_and_of_the_worst_second(
    sizes: list[int], mean: float, worst: float, largest: int
) -> None:
    rate = rate_of(sizes, 30)
    assert (rate.mean, rate.worst_second, rate.largest_picture) == pytest.approx((mean, worst, largest))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_scene_is_the_same_at_every_run_and_moves(scene: Scene) -> None:
    once, again = (list(scene.pictures(*SIZE, 3)) for _ in range(2))
    for frame, same in zip(once, again, strict=True):
        assert [bytes(plane) for plane in frame.planes] == [bytes(plane) for plane in same.planes]
    assert bytes(once[0].planes[0]) != bytes(once[1].planes[0])


def test_likeness_is_perfect_for_the_same_picture_and_less_for_another() -> None:
    comparison = Comparison(*SIZE)
    first, _, third = SCENES[0].pictures(*SIZE, 3)
    same, other = comparison.of(first, first), comparison.of(first, third)
    assert same.ssim == pytest.approx(1.0)
    assert same.error == 0
    assert psnr([same]) == math.inf
    assert other.ssim < 0.9
    assert psnr([same, other]) == pytest.approx(10 * math.log10(255**2 / (other.error / 2)))


def test_our_h264_is_deblocked_and_moving_pictures_look_better_for_it() -> None:
    pictures = list(SCENES[0].pictures(*SIZE, 40))
    likeness = {}
    for name, make in (("with", CONTENDERS[0].make), ("without", WITHOUT_DEBLOCKING)):
        encode = make(VideoEncoding(*SIZE, 30, 100_000))
        decoder, comparison = av.CodecContext.create("h264", "r"), Comparison(*SIZE)
        made = [frame for picture in pictures for frame in decoder.decode(av.Packet(encode(picture)))]
        made += decoder.decode(None)
        pairs = zip(made[10:], pictures[10:], strict=True)
        likeness[name] = sum(comparison.of(*pair).ssim for pair in pairs) / 30
    assert likeness["with"] > likeness["without"] + 0.01
