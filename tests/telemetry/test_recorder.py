"""Samples, events and counters, from statuses one after the other."""

from __future__ import annotations

import asyncio

import pytest

from edgemeet.control import CaptureView, Event, MeetingStatus, PeerStatus, Status, TimingStatus
from edgemeet.errors import ControlError, EdgemeetError, RemovedByHost, SignalingLost
from edgemeet.health import HealthRegistry, Severity
from edgemeet.telemetry.recorder import KEPT, SUBSCRIBERS, WAITING_EVENTS, Recorder

CAMERA = CaptureView(kind="video", on=True, state="running")
JOINED = Status(
    version="1",
    state="joined",
    phase=None,
    for_seconds=0,
    uptime=1,
    next_join_in=None,
    joins=1,
    attempts=1,
    meeting=MeetingStatus(id="a-b-c", participant_id="cam-1", name="Door"),
    token=None,
    producers=(),
    captures=(CAMERA,),
    transport=None,
    timing=TimingStatus(process_to_first_media=1.0, attempt_to_token=0.1, token_to_first_media=0.4),
    health=(),
)


class Bench:
    """A recorder with a status and a clock of its own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.status = JOINED
        self.health = HealthRegistry()
        self.recorder = Recorder(
            lambda: self.status, self.health, clock=lambda: self.now, wall_clock=lambda: self.now
        )

    def look(self, after: float = 1.0, **changes: object) -> None:
        self.now += after
        self.status = self.status.model_copy(update=changes)
        self.recorder.look()

    def fail(self, error: EdgemeetError) -> None:
        self.health.raise_condition("session", error, Severity.ERROR)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def told(bench: Bench, *doings: object) -> list[Event]:
    with bench.recorder.subscribed() as events:
        for doing in doings:
            doing()  # type: ignore[operator]
        found = []
        try:
            async with asyncio.timeout(0.05):
                while True:
                    found.append(await events.get())
        except TimeoutError:
            return found


async def test_a_new_state_is_an_event(bench: Bench) -> None:
    bench.look()
    (event,) = await told(bench, lambda: bench.look(state="held"))
    assert (event.kind, event.value, event.before) == ("state", "held", "joined")


async def test_conditions_are_events_when_they_come_and_go(bench: Bench) -> None:
    lost = SignalingLost("the websocket is gone")
    events = await told(
        bench,
        lambda: bench.fail(lost),
        lambda: bench.fail(lost),
        lambda: bench.fail(RemovedByHost("removed")),
        lambda: bench.health.clear("session"),
        lambda: bench.health.clear("session"),
    )
    assert [(e.kind, e.value) for e in events] == [
        ("problem", "signaling.lost"),
        ("problem", "evicted.removed"),
        ("well", "evicted.removed"),
    ]
    assert [e.number for e in events] == [1, 2, 3]


async def test_devices_and_people_are_events(bench: Bench) -> None:
    bench.look()
    peers = (PeerStatus(id="a", name="Ann"),)
    events = await told(
        bench,
        lambda: bench.look(captures=(CAMERA.model_copy(update={"signal": "frozen"}),)),
        lambda: bench.look(meeting=bench.status.meeting.model_copy(update={"peers": peers})),
        lambda: bench.look(captures=(CAMERA.model_copy(update={"on": False}),)),
    )
    assert [(e.kind, e.value) for e in events] == [("capture", "frozen"), ("peers", "1"), ("capture", "off")]
    assert bench.recorder.tally.useless == {("video", "frozen"): 1}


async def test_a_slow_listener_misses_the_oldest(bench: Bench) -> None:
    with bench.recorder.subscribed() as events:
        for number in range(WAITING_EVENTS + 10):
            bench.fail(EdgemeetError("x", code=f"code.{number}"))
        assert (await events.get()).number == 11


def test_few_may_listen(bench: Bench) -> None:
    from contextlib import ExitStack

    with ExitStack() as stack:
        for _ in range(SUBSCRIBERS):
            stack.enter_context(bench.recorder.subscribed())
        with pytest.raises(ControlError, match="listen"), bench.recorder.subscribed():
            pass
    with bench.recorder.subscribed():
        pass


def test_time_is_counted_in_the_state_that_it_passed_in(bench: Bench) -> None:
    bench.look(2.0)
    bench.look(3.0, state="waiting")
    assert dict(bench.recorder.tally.state_seconds) == {"joined": 2.0, "waiting": 3.0}


def test_a_recovery_lasts_from_the_loss_to_the_next_join(bench: Bench) -> None:
    bench.look()
    bench.fail(SignalingLost("gone"))
    bench.now += 1.0
    bench.fail(SignalingLost("still gone"))
    bench.now += 1.5
    bench.health.clear("session")
    tally = bench.recorder.tally
    assert tally.session_ends == {"signaling.lost": 2}
    assert (tally.recovery.sum, dict(tally.recovery.buckets())["3.0"]) == (2.5, 1.0)
    assert dict(tally.recovery.buckets())["2.0"] == 0.0


def test_a_first_join_that_fails_is_no_loss(bench: Bench) -> None:
    bench.look(joins=0, state="joining")
    bench.fail(SignalingLost("gone"))
    bench.now += 5
    bench.health.clear("session")
    assert bench.recorder.tally.recovery.sum == 0


def test_each_session_is_measured_once(bench: Bench) -> None:
    bench.look()
    bench.look()
    bench.look(joins=2, timing=JOINED.timing.model_copy(update={"token_to_first_media": 2.0}))
    assert bench.recorder.tally.token_to_media.sum == pytest.approx(2.4)


def test_samples_are_kept_for_five_minutes(bench: Bench) -> None:
    for _ in range(KEPT + 5):
        bench.look()
    samples = bench.recorder.stats().samples
    assert len(samples) == KEPT
    assert samples[-1].at - samples[0].at == KEPT - 1


def test_the_latest_status_is_that_of_the_last_look(bench: Bench) -> None:
    assert bench.recorder.latest() is bench.status
    bench.look(state="waiting")
    seen = bench.status
    bench.status = bench.status.model_copy(update={"state": "joined"})
    assert bench.recorder.latest() is seen
    bench.recorder.look()
    assert bench.recorder.latest() is bench.status
