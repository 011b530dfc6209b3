"""What the daemon does with the provisioning server's word."""

from __future__ import annotations

from typing import Any

import pytest

from edgemeet.config import Settings
from edgemeet.daemon.guidance import Guidance
from edgemeet.errors import AuthError, NetworkError
from edgemeet.health import HealthRegistry
from edgemeet.provisioning import Assignment
from edgemeet.supervisor import Wake


class Supervisor:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def suspend(self, reason: Any) -> None:
        self.told.append(reason.code)

    def wake(self, reason: Wake) -> None:
        self.told.append(reason)


@pytest.fixture
def health() -> HealthRegistry:
    return HealthRegistry()


@pytest.fixture
def guidance(health: HealthRegistry) -> Any:
    guidance: Any = Guidance(health)
    guidance._supervisor = Supervisor()
    return guidance


def said(**changed: Any) -> Assignment:
    values = {
        "revoked": False,
        "meeting": "one",
        "name": "Door",
        "metadata": {},
        "config": {},
        "poll_after": 60,
    }
    return Assignment(**values | changed)


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"meeting": "two"}, [Wake.MEETING]),
        ({}, {"name": "Gate"}, [Wake.MEETING]),
        ({}, {"metadata": {"floor": 2}}, [Wake.MEETING]),
        ({}, {"meeting": None}, [Wake.MEETING]),
        ({}, {"config": {"camera": {"fps": 5}}}, []),
        ({}, {"revoked": True}, ["provisioning.revoked"]),
        ({"revoked": True}, {}, [Wake.MEETING]),
        ({"revoked": True, "meeting": None}, {"meeting": "two"}, [Wake.MEETING]),
    ],
)
def test_what_the_supervisor_is_told(guidance: Any, before: Any, now: Any, told: list[str]) -> None:
    guidance._news(said(**before), said(**now))
    assert guidance._supervisor.told == told


def test_settings_are_put_in_force_by_a_reload(guidance: Any) -> None:
    guidance._news(said(), said(config={"camera": {"fps": 5}}))
    assert guidance._reload.is_set()
    assert guidance.settings(Settings()).camera.fps == 5
    guidance._reload.clear()
    guidance._admitted(said(config={"camera": {"fps": 5}}))
    assert not guidance._reload.is_set(), "they are in force already"


def test_settings_that_cannot_be_used_are_told_and_left_out(guidance: Any, health: HealthRegistry) -> None:
    guidance._news(said(), said(config={"control": {"group": "root"}}))
    assert guidance.settings(Settings()) == Settings()
    assert [condition.code for condition in health.conditions()] == ["config.override"]
    guidance._news(said(), said(config={}))
    assert health.conditions() == ()


def test_a_server_that_is_away_for_a_moment_is_not_told(guidance: Any, health: HealthRegistry) -> None:
    for failures in (1, 2):
        guidance._answer(NetworkError("away"), failures)
        assert health.conditions() == ()
    guidance._answer(NetworkError("away"), 3)
    assert [condition.code for condition in health.conditions()] == ["network.unreachable"]
    guidance._answer(None, 0)
    assert health.conditions() == ()


def test_a_refusal_is_told_at_once(guidance: Any, health: HealthRegistry) -> None:
    guidance._answer(AuthError("who are you", code="identity.unknown_device"), 1)
    assert [condition.code for condition in health.conditions()] == ["identity.unknown_device"]
