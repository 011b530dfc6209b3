"""One TaskGroup for everything that runs."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from pathlib import Path

from edgemeet.config import Settings, participant_id
from edgemeet.control import Command, Status, listening, serve
from edgemeet.daemon import build
from edgemeet.daemon.status import StatusReport
from edgemeet.health import HealthRegistry
from edgemeet.rest import new_client
from edgemeet.supervisor import Device, DeviceHealth, Supervisor
from edgemeet.systemd import Notifier
from edgemeet.telemetry import Redactor

logger = logging.getLogger(__name__)

# How often the line for `systemctl status` is looked at, in seconds.
STATUS_INTERVAL = 1.0


class Commands:
    """What the control socket opens on."""

    def __init__(
        self, report: StatusReport, supervisor: Supervisor, camera: Device, microphone: Device
    ) -> None:
        self._report = report
        self._supervisor = supervisor
        self._camera = camera
        self._microphone = microphone

    def status(self) -> Status:
        """See `edgemeet.control.server.Daemon`."""
        return self._report()

    async def snapshot(self) -> bytes:
        """See `edgemeet.control.server.Daemon`."""
        return await self._camera.snapshot()

    def command(self, command: Command) -> None:
        """See `edgemeet.control.server.Daemon`."""
        logger.info("told over the control socket: %s", command)
        match command:
            case Command.REJOIN:
                self._supervisor.rejoin()
            case Command.LEAVE:
                self._supervisor.leave()
            case Command.MUTE | Command.UNMUTE:
                self._microphone.switch(on=command is Command.UNMUTE)
            case Command.CAMERA_ON | Command.CAMERA_OFF:
                self._camera.switch(on=command is Command.CAMERA_ON)


def run(settings: Settings, redactor: Redactor) -> None:
    """Be a participant until SIGTERM or SIGINT; then leave within 5 s and return.

    Raises:
        ControlError: the control socket cannot be opened.
        ConfigError: there is no participant id and no place to keep a new one.
    """
    build.teach(redactor, settings)
    asyncio.run(_run(settings, redactor))


async def _run(settings: Settings, redactor: Redactor) -> None:
    own_id = participant_id(settings)
    health = HealthRegistry()
    camera, microphone = build.camera(settings), build.microphone(settings)
    devices = (camera, microphone)
    with listening(settings.control.socket, settings.control.group) as listener:
        async with new_client(ca_file=settings.provisioning.ca_file) as client:
            supervisor = Supervisor(build.session_maker(settings, client, own_id, devices, redactor), health)
            report = StatusReport(supervisor, devices, health, own_id, started=process_start())
            stop = _stop_on_signals()
            notifier = Notifier()
            tasks = [
                supervisor.run(),
                camera.run(),
                microphone.run(),
                DeviceHealth(devices, health).run(),
                serve(Commands(report, supervisor, camera, microphone), listener),
                _tell_systemd(report, notifier),
            ]
            try:
                async with asyncio.TaskGroup() as group:
                    running = [group.create_task(task) for task in tasks]
                    await stop.wait()
                    notifier.stopping()
                    for task in running:
                        task.cancel()
            finally:
                notifier.close()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _note_signal, stop, number)
    return stop


def _note_signal(stop: asyncio.Event, number: signal.Signals) -> None:
    logger.info("%s: leaving", number.name)
    stop.set()


async def _tell_systemd(report: StatusReport, notifier: Notifier) -> None:
    """READY as soon as the control socket answers: waiting for a meeting is this service at work."""
    notifier.ready()
    interval = min(STATUS_INTERVAL, notifier.watchdog_interval or STATUS_INTERVAL)
    while True:
        notifier.ping()
        notifier.status(status_line(report()))
        await asyncio.sleep(interval)


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


def process_start(proc: Path = Path("/proc")) -> float:
    """Seconds on the monotonic clock at which this process started, from the kernel.

    /proc/self/stat tells it in clock ticks since boot (proc(5), field 22), and CLOCK_BOOTTIME counts from
    there too; the two clocks differ by the time the machine was suspended.
    """
    fields = (proc / "self" / "stat").read_text().rsplit(")", 1)[1].split()
    ticks_per_second = 100  # USER_HZ, the same on every Linux that Python runs on
    since_boot = int(fields[19]) / ticks_per_second
    return since_boot + time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)
