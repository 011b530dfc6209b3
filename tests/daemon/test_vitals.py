import pytest

from edgemeet.daemon.vitals import Vitals, stuck
from edgemeet.supervisor import Flow, FlowWatch, Phase, State


def vitals(state: State, phase: Phase | None = None, **rest: float) -> Vitals:
    return Vitals(state=state, phase=phase, **{"in_phase": 0.0, "entry_timeout": 300.0, **rest})


DAY = 86400.0


@pytest.mark.parametrize(
    "well",
    [
        vitals(State.JOINED, Phase.JOINED, in_phase=30 * DAY),
        vitals(State.JOINED, Phase.JOINED, in_phase=DAY, unsent_for=59),
        vitals(State.JOINING, Phase.ENTERING, in_phase=479),
        vitals(State.WAITING, in_phase=30 * DAY),
        vitals(State.WAITING, in_phase=DAY, overdue=59),
        vitals(State.HELD, in_phase=365 * DAY),
        vitals(State.LEFT, in_phase=365 * DAY),
        vitals(State.JOINED, Phase.LEAVING, in_phase=59),
    ],
    ids=str,
)
def test_at_work_or_rightly_idle(well: Vitals) -> None:
    assert stuck(well) is None


@pytest.mark.parametrize(
    ("ill", "told"),
    [
        (vitals(State.JOINING, Phase.ENTERING, in_phase=481), "entering the meeting"),
        (vitals(State.JOINING, Phase.LEAVING, in_phase=61), "leaving"),
        (vitals(State.JOINED, Phase.LEAVING, in_phase=61), "leaving"),
        (vitals(State.WAITING, in_phase=DAY, overdue=61), "overdue"),
        (vitals(State.JOINED, Phase.JOINED, in_phase=DAY, unsent_for=61), "nothing of it was sent"),
    ],
    ids=str,
)
def test_what_did_not_end_in_time(ill: Vitals, told: str) -> None:
    assert told in (stuck(ill) or "")


def test_an_entry_that_a_host_may_take_an_hour_for_is_not_stuck() -> None:
    patient = Vitals(State.JOINING, Phase.ENTERING, in_phase=3600.0, entry_timeout=3600.0)
    assert stuck(patient) is None


def looked(*flows: tuple[int, int, bool]) -> list[float]:
    watch = FlowWatch()
    return [
        watch.look(Flow(frames, packets, flowing), float(second))
        for second, (frames, packets, flowing) in enumerate(flows)
    ]


def test_packets_that_go_are_well() -> None:
    assert looked((0, 0, True), (15, 20, True), (30, 40, True)) == [0, 0, 0]


def test_frames_without_packets_are_counted_from_the_last_packet() -> None:
    assert looked((0, 0, True), (15, 20, True), (30, 20, True), (45, 20, True)) == [0, 0, 1, 2]


def test_a_camera_without_frames_is_for_others_to_mend() -> None:
    assert looked((15, 20, True), (15, 20, True), (15, 20, True)) == [0, 0, 0]


def test_a_layer_that_nobody_watches_is_silent_rightly() -> None:
    assert looked((15, 20, True), (30, 20, False), (45, 20, False), (60, 20, True)) == [0, 0, 0, 0]


def test_another_session_counts_anew() -> None:
    assert looked((15, 900, True), (30, 900, True), (45, 0, True), (60, 0, True)) == [0, 1, 0, 1]
