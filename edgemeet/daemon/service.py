"""What systemd hears from a running daemon: ready, one line of status, and that it lives."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from edgemeet.beat import beat
from edgemeet.control import Status
from edgemeet.daemon.vitals import Vitals, stuck
from edgemeet.supervisor import Device, Flow, FlowWatch, Phase, SessionView, State, Supervisor
from edgemeet.systemd import Notifier, StackDump

logger = logging.getLogger(__name__)

# How often the line for `systemctl status` is looked at, in seconds.
STATUS_INTERVAL = 1.0


class ServiceReport:
    """Tells systemd how the daemon is, for as long as nothing in it is stuck.

    Args:
        report: how things stand, or stood a second ago.
        supervisor: knows the state.
        devices: the camera and the microphone.
        notifier: tells systemd.
        entry_timeout: seconds that a host may take to let the device in.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        report: Callable[[], Status],
        supervisor: Supervisor,
        devices: tuple[Device, ...],
        notifier: Notifier,
        entry_timeout: float,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._supervisor = supervisor
        self._devices = devices
        self._notifier = notifier
        self._entry_timeout = entry_timeout
        self._clock = clock
        self._stage: tuple[int, State, Phase | None] = (0, State.JOINING, None)
        self._stage_since = clock()
        self._due_at = clock()
        self._flows = {device.kind: FlowWatch() for device in devices}
        self._told: str | None = None

    async def run(self) -> None:
        """Tell it at once and every second, until cancelled."""
        self._notifier.ready()
        interval = min(STATUS_INTERVAL, self._notifier.watchdog_interval or STATUS_INTERVAL)
        with StackDump(self._notifier.watchdog_timeout) as dump:
            while True:
                reason = stuck(self.vitals())
                if reason is None:
                    self._told = None
                    self._notifier.ping()
                    # Not when something is stuck: then the stacks of all threads are what is wanted.
                    dump.put_off()
                elif reason != self._told:
                    self._told = reason
                    logger.error("stuck: %s; the watchdog is not told any more that all is well", reason)
                self._notifier.status(status_line(self._report()))
                await beat(interval)

    def vitals(self) -> Vitals:
        """What `stuck` needs, brought up to date."""
        now, view = self._clock(), self._supervisor.view()
        stage = (view.attempts, view.state, view.session.phase if view.session else None)
        if stage != self._stage:
            self._stage, self._stage_since = stage, now
            self._due_at = now
        if view.next_join_in is not None:
            self._due_at = now + view.next_join_in
        return Vitals(
            state=view.state,
            phase=stage[2],
            in_phase=now - self._stage_since,
            entry_timeout=self._entry_timeout,
            overdue=max(0.0, now - self._due_at) if view.state is State.WAITING else 0.0,
            unsent_for=max(self._flows[d.kind].look(_flow(d, view.session), now) for d in self._devices),
        )


def _flow(device: Device, session: SessionView | None) -> Flow:
    """How far the device's capture and its producer have come."""
    capture = device.status()
    producers = [p.stats for p in session.producers if p.stats.kind == device.kind] if session else []
    encodings = [encoding for stats in producers for encoding in stats.encodings]
    running = capture is not None and capture.state == "running"
    return Flow(
        frames=capture.frames if capture else 0,
        packets=sum(encoding.packets_sent for encoding in encodings),
        flowing=running and any(encoding.active for encoding in encodings),
    )


def status_line(status: Status) -> str:
    """The status in one line for a person."""
    match status.state:
        case "joined":
            bitrate = sum(e.bitrate for p in status.producers for e in p.encodings)
            others = len(status.meeting.peers)
            return f"In {status.meeting.id} with {others} other(s), sending {bitrate / 1000:.0f} kb/s"
        case "joining":
            return f"Joining: {status.phase}"
        case "waiting":
            why = status.health[0].message if status.health else "no reason known"
            return f"Joining again in {status.next_join_in or 0:.0f} s: {why}"
        case "held":
            why = status.health[0].message if status.health else "no reason known"
            return f"Waiting for an operator: {why}"
        case "left":
            return "Left the meeting; `edgemeet rejoin` brings it back"
