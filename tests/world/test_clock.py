import time
from pathlib import Path

import pytest

from edgemeet.world import ClockWatch, clock_set
from edgemeet.world.clock import EARLIEST_NOW, kernel_synchronised

LATER = EARLIEST_NOW + 1e8


@pytest.mark.parametrize(
    ("now", "signs", "kernel", "expected"),
    [
        (1e6, (), True, False),
        (1e6, ("systemd/timesync/synchronized",), None, False),
        (LATER, (), None, None),
        (LATER, (), True, True),
        (LATER, (), False, None),
        (LATER, ("systemd/timesync/synchronized",), False, True),
        (LATER, ("systemd/timesync/clock",), False, False),
        (LATER, ("systemd/timesync/clock",), None, False),
        (LATER, ("systemd/timesync/clock",), True, True),
        (LATER, ("chrony/chronyd.pid",), False, False),
        (LATER, ("chrony/chronyd.pid",), None, None),
        (LATER, ("ntpd.pid",), False, False),
    ],
)
def test_whether_the_clock_is_right(
    tmp_path: Path, now: float, signs: tuple[str, ...], kernel: bool | None, expected: bool | None
) -> None:
    for sign in signs:
        (tmp_path / sign).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / sign).touch()
    assert clock_set(now=now, run=tmp_path, kernel=lambda: kernel) is expected


def test_the_kernel_is_asked_and_its_clock_left_alone() -> None:
    before = time.time() - time.monotonic()
    assert kernel_synchronised() in (True, False, None)
    assert abs(time.time() - time.monotonic() - before) < 0.5


class Rig:
    def __init__(self, state: bool | None) -> None:
        self.monotonic, self.wall, self.state = 100.0, LATER, state
        self.told: list[float] = []
        self.watch = ClockWatch(
            self.told.append,
            is_set=lambda: self.state,
            monotonic=lambda: self.monotonic,
            wall=lambda: self.wall,
        )

    def pass_time(self, *, jump: float = 0.0) -> list[float]:
        self.monotonic += 1.0
        self.wall += 1.0 + jump
        self.watch.look()
        told = [round(jump, 3) for jump in self.told]
        self.told.clear()
        return told


def test_a_clock_that_is_set_is_told_once() -> None:
    rig = Rig(None)
    assert rig.pass_time() == []
    assert rig.pass_time(jump=3600.0) == [3600.0]
    assert rig.pass_time() == []
    assert rig.pass_time(jump=-3600.0) == [-3600.0]
    assert rig.pass_time(jump=0.1) == [], "what is adjusted slowly is no news"


def test_a_clock_that_becomes_right_without_a_jump_is_told() -> None:
    rig = Rig(False)
    assert rig.watch.state is False
    assert rig.pass_time() == []
    rig.state = True
    assert rig.pass_time() == [0.0]
    assert rig.pass_time() == []
    assert rig.watch.state
