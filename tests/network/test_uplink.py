"""What a viewer in Chromium sees while the device's uplink gets worse and better.

Bounds are several times what was measured; `scripts/bench network` prints the figures.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from uplink.faults import random_loss, rate_cut
from uplink.stage import Stage

pytestmark = pytest.mark.timeout(180)


@pytest.mark.parametrize(
    ("stage", "layers"),
    [({}, 1), ({"MEETING__MULTISTREAM": "true"}, 3)],
    indirect=["stage"],
    ids=["one layer", "three layers"],
)
async def test_a_cut_to_300_kilobits_is_followed_and_left_again(
    stage: Stage, tell: Callable[[object], None], layers: int
) -> None:
    seen = await rate_cut(stage)
    tell(seen)
    assert seen.before.rate > 700_000
    assert seen.followed < 12
    assert 100_000 < seen.cut.rate < 330_000
    # The picture moves on: coarser, and after one pause.
    assert seen.cut.fps > 5
    assert seen.cut.freeze < 8
    assert seen.recovered is not None
    assert seen.after.rate > 2 * seen.cut.rate
    if layers == 3:
        assert min(seen.cut.widths) < max(seen.before.widths)
        assert max(seen.after.widths) == max(seen.before.widths)


async def test_five_percent_of_random_loss_leave_the_picture_moving(
    stage: Stage, tell: Callable[[object], None]
) -> None:
    seen = await random_loss(stage)
    tell(seen)
    assert seen.freeze < 3
    assert seen.fps > 15
    assert seen.rate > 700_000
