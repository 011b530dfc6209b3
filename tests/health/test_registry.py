from edgemeet.errors import DeviceBusy, NetworkError, ServerError
from edgemeet.health import HealthRegistry, Severity


def test_a_condition_keeps_the_time_at_which_it_began_until_it_changes() -> None:
    now = 10.0
    registry = HealthRegistry(lambda: now)
    assert registry.raise_condition("session", NetworkError("a"), Severity.ERROR)
    now = 20.0
    assert not registry.raise_condition("session", NetworkError("b"), Severity.ERROR)
    (condition,) = registry.conditions()
    assert (condition.since, condition.text) == (10.0, "b")
    assert registry.raise_condition("session", ServerError("c"), Severity.ERROR)
    assert registry.conditions()[0].since == 20.0


def test_worst_first_and_gone_when_cleared() -> None:
    registry = HealthRegistry(lambda: 0.0)
    registry.raise_condition("camera", DeviceBusy("x"), Severity.WARNING)
    registry.raise_condition("session", NetworkError("y"), Severity.ERROR)
    assert [c.code for c in registry.conditions()] == ["network.unreachable", "device.busy"]
    cleared = registry.clear("session")
    assert cleared is not None
    assert cleared.text == "y"
    assert registry.clear("session") is None
    assert len(registry.conditions()) == 1
