"""When a restart of the machine is asked for, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edgemeet.daemon.reboot import PATIENCE, REQUEST_NAME, SHORTEST_UPTIME, RebootRequest, should_reboot
from edgemeet.errors import DeviceFailed
from edgemeet.health import HealthRegistry, Severity
from edgemeet.media.capture_session import HELD_CODE


@pytest.mark.parametrize(
    ("held_for", "uptime", "allowed", "reboot"),
    [
        (PATIENCE, SHORTEST_UPTIME, True, True),
        (PATIENCE, SHORTEST_UPTIME, False, False),
        (PATIENCE - 1, SHORTEST_UPTIME, True, False),
        (PATIENCE, SHORTEST_UPTIME - 1, True, False),
        (0.0, 1e9, True, False),
    ],
)
def test_only_when_allowed_and_nothing_else_helps(
    held_for: float, uptime: float, allowed: bool, reboot: bool
) -> None:
    assert should_reboot(held_for=held_for, uptime=uptime, allowed=allowed) is reboot


@dataclass
class Machine:
    folder: Path
    allowed: bool = True
    now: float = 0.0
    uptime: float = 1e6
    health: HealthRegistry = field(default_factory=HealthRegistry)

    def __post_init__(self) -> None:
        self.request = RebootRequest(
            self.health,
            lambda: self.allowed,
            self.folder,
            clock=lambda: self.now,
            uptime=lambda: self.uptime,
        )

    def hold(self, code: str = HELD_CODE) -> None:
        error = DeviceFailed("a driver holds the camera's process 7 in the kernel", code=code)
        self.health.raise_condition("camera", error, Severity.ERROR)

    def after(self, seconds: float) -> bool:
        """Whether a request is there after so many seconds, looked at each five."""
        until = self.now + seconds
        while self.now < until:
            self.now += 5
            self.request.look()
        return (self.folder / REQUEST_NAME).exists()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_device_held_for_long_asks(machine: Machine) -> None:
    machine.hold()
    assert not machine.after(PATIENCE - 10)
    assert machine.after(20)
    assert "process 7" in (machine.folder / REQUEST_NAME).read_text()


def test_it_asks_once(machine: Machine) -> None:
    machine.hold()
    assert machine.after(2 * PATIENCE)
    (machine.folder / REQUEST_NAME).unlink()
    assert not machine.after(10 * PATIENCE)


def test_a_device_that_came_back_begins_anew(machine: Machine) -> None:
    machine.hold()
    machine.after(PATIENCE - 10)
    machine.health.clear("camera")
    machine.after(5)
    machine.hold()
    assert not machine.after(PATIENCE - 10)


def test_other_faults_do_not_ask(machine: Machine) -> None:
    machine.hold("device.busy")
    assert not machine.after(100 * PATIENCE)


def test_the_setting_counts_when_it_is_needed(machine: Machine) -> None:
    machine.allowed = False
    machine.hold()
    assert not machine.after(10 * PATIENCE)
    machine.allowed = True
    assert machine.after(5)


def test_a_folder_that_is_gone_stops_nothing(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.folder = machine.folder / "gone"
    machine.__post_init__()
    machine.hold()
    assert not machine.after(2 * PATIENCE)
    assert "cannot ask" in caplog.text
