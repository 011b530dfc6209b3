from __future__ import annotations

from edgemeet.rtc.keyframe_gate import KeyframeGate


def test_a_storm_of_requests_is_two_a_second() -> None:
    gate = KeyframeGate()
    asked = []
    for tick in range(300):
        gate.ask()
        if gate.due(tick / 100):
            asked.append(tick / 100)
    assert asked == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]


def test_an_early_request_is_deferred_and_not_forgotten() -> None:
    gate = KeyframeGate()
    gate.ask()
    assert gate.due(0.0)
    gate.ask()
    assert not gate.due(0.2)
    assert gate.due(0.5)
    assert not gate.due(2.0)


def test_a_keyframe_answers_the_request_that_waits() -> None:
    gate = KeyframeGate()
    gate.ask()
    assert gate.due(0.0)
    gate.ask()
    gate.sent()
    assert not gate.due(1.0)
