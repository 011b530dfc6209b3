"""Looks at the daemon every second: samples for `stats`, events for who listens, counters for metrics."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgemeet.beat import beat
from edgemeet.control import CaptureView, Event, Sample, Stats, Status
from edgemeet.errors import ControlError
from edgemeet.health import Condition, HealthRegistry
from edgemeet.telemetry.tally import Tally

INTERVAL = 1.0  # seconds
KEPT = 300  # samples: five minutes
SUBSCRIBERS = 8  # each holds a connection of the control socket, which has 32
WAITING_EVENTS = 256  # for one subscriber; a slower one misses the oldest
SESSION = "session"  # the registry's name for what concerns the meeting as a whole

_SUBJECTS = {"video": "camera", "audio": "microphone"}


class Subscription:
    """Events for one listener."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque(maxlen=WAITING_EVENTS)
        self._came = asyncio.Event()

    def put(self, event: Event) -> None:
        """Hand over; the oldest is lost when nobody fetches."""
        self._waiting.append(event)
        self._came.set()

    async def get(self) -> Event:
        """The next one, when there is one."""
        while not self._waiting:
            self._came.clear()
            await self._came.wait()
        return self._waiting.popleft()


class Recorder:
    """Remembers what `status` alone does not tell.

    Args:
        report: the status of now.
        health: told of by events, and counted.
        clock: seconds, monotonic.
        wall_clock: seconds since 1970, for samples and events.
    """

    def __init__(
        self,
        report: Callable[[], Status],
        health: HealthRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.report = report
        self.tally = Tally()
        self._clock = clock
        self._wall_clock = wall_clock
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._subscriptions: list[Subscription] = []
        self._number = 0
        self._before: Status | None = None
        self._looked = clock()
        self._lost_at: float | None = None
        self._media_joins = 0
        health.listen(self._on_condition)

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            self.look()
            await beat(INTERVAL)

    def look(self) -> None:
        """One look."""
        now, status = self._clock(), self.report()
        self.tally.state_seconds[status.state] += now - self._looked
        self._looked = now
        after = status.timing.token_to_first_media
        if status.joins != self._media_joins and after is not None and status.state == "joined":
            self._media_joins = status.joins
            self.tally.token_to_media.observe(after)
        self._samples.append(sample(status, self._wall_clock()))
        if self._before is not None:
            self._compare(self._before, status)
        self._before = status

    def latest(self) -> Status:
        """The status of the last look, for who does not mind that it is up to a second old."""
        return self._before or self.report()

    def stats(self) -> Stats:
        """What was sampled."""
        return Stats(interval=INTERVAL, samples=tuple(self._samples))

    def metrics(self) -> bytes:
        """For Prometheus, in its text format."""
        from edgemeet.telemetry.metrics import exposition  # noqa: PLC0415 - loaded when first asked for

        return exposition(self.report(), self.tally)

    @contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        """Events from now on, for as long as the block runs. Raises ControlError (control.busy)."""
        if len(self._subscriptions) >= SUBSCRIBERS:
            raise ControlError(
                f"{SUBSCRIBERS} listen to events already",
                code="control.busy",
                hint="end one of the clients that listen, or ask for /v1/stats instead",
            )
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def _compare(self, before: Status, now: Status) -> None:
        if now.state != before.state:
            self._tell("state", SESSION, now.state, before.state, f"{now.state}, was {before.state}")
        for old, new in zip(before.captures, now.captures, strict=False):
            if _word(new) != _word(old):
                subject = _SUBJECTS[new.kind]
                self._tell("capture", subject, _word(new), _word(old), f"the {subject} is {_word(new)}")
            if new.signal not in ("ok", old.signal):
                self.tally.useless[new.kind, new.signal] += 1
        old_peers, new_peers = len(before.meeting.peers), len(now.meeting.peers)
        if old_peers != new_peers and now.state == before.state == "joined":
            text = f"{new_peers} other(s) in the meeting"
            self._tell("peers", "meeting", str(new_peers), str(old_peers), text)

    def _on_condition(self, subject: str, before: Condition | None, now: Condition | None) -> None:
        if subject == SESSION:
            self._count(now)
        if now is None and before is not None:
            self._tell("well", subject, before.code, None, f"over: {before.text}")
        elif now is not None and (before is None or before.code != now.code):
            self._tell("problem", subject, now.code, before.code if before else None, now.text)

    def _count(self, condition: Condition | None) -> None:
        now = self._clock()
        if condition is not None:
            self.tally.session_ends[condition.code] += 1
            if self._lost_at is None and self._before is not None and self._before.joins:
                self._lost_at = now
        elif self._lost_at is not None:
            self.tally.recovery.observe(now - self._lost_at)
            self._lost_at = None

    def _tell(self, kind: str, subject: str, value: str, before: str | None, text: str) -> None:
        self._number += 1
        event = Event.model_validate(
            {
                "number": self._number,
                "at": self._wall_clock(),
                "kind": kind,
                "subject": subject,
                "value": value,
                "before": before,
                "text": text,
            }
        )
        for subscription in self._subscriptions:
            subscription.put(event)


def _word(capture: CaptureView) -> str:
    """How a camera or microphone is, in one word."""
    if not capture.on:
        return "off"
    return capture.state if capture.signal == "ok" else capture.signal


def sample(status: Status, at: float) -> Sample:
    """What a status says of one second. Pure."""
    encodings = [(p.kind, encoding) for p in status.producers for encoding in p.encodings]
    lost = [e.fraction_lost for _, e in encodings if e.fraction_lost is not None]
    transport = status.transport
    levels = [c.audio_level for c in status.captures if c.kind == "audio" and c.on]
    return Sample(
        at=at,
        state=status.state,
        bitrate=sum(e.bitrate for _, e in encodings),
        available_bitrate=transport.available_bitrate if transport else None,
        frames_per_second=max(
            (e.frames_per_second or 0.0 for k, e in encodings if k == "video"), default=0.0
        ),
        round_trip_time=transport.round_trip_time if transport else None,
        fraction_lost=max(lost, default=None),
        audio_level=next(iter(levels), None),
    )
