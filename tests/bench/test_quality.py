"""The parts of scripts/bench quality: what they measure with, on small pictures."""

from __future__ import annotations

import pytest
from rig.likeness import Ssim
from rig.rates import rate_of
from rig.scenes import SCENES, Scene

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


def test_likeness_is_one_for_the_same_picture_and_less_for_another() -> None:
    ssim = Ssim(*SIZE)
    first, _, third = SCENES[0].pictures(*SIZE, 3)
    assert ssim.of(first, first) == pytest.approx(1.0)
    assert ssim.of(first, third) < 0.9
