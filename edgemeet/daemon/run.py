"""One TaskGroup for everything that runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgemeet.config import Settings, participant_id
from edgemeet.control import Command, Policy, Reloaded, listening, serve, serve_metrics
from edgemeet.daemon import build
from edgemeet.daemon.guidance import Guidance
from edgemeet.daemon.metrics import metrics_listener
from edgemeet.daemon.reboot import RebootRequest
from edgemeet.daemon.reload import Reloader
from edgemeet.daemon.service import ServiceReport
from edgemeet.daemon.sessions import session_maker
from edgemeet.daemon.status import StatusReport
from edgemeet.daemon.surroundings import Surroundings
from edgemeet.errors import ConfigError, StateError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.state import StateStore
from edgemeet.supervisor import Device, DeviceHealth, Supervisor
from edgemeet.systemd import Notifier, activated_socket
from edgemeet.telemetry import Redactor
from edgemeet.telemetry.recorder import Recorder
from edgemeet.world import takes_connections

if TYPE_CHECKING:
    from edgemeet.telemetry.mqtt import MqttOptions

logger = logging.getLogger(__name__)


class Commands:
    """What the control socket opens on."""

    def __init__(
        self,
        recorder: Recorder,
        supervisor: Supervisor,
        devices: tuple[Device, Device],
        reloader: Reloader,
        notifier: Notifier,
        *,
        ask_provisioning: Callable[[], None],
    ) -> None:
        self.status = recorder.report
        self.stats = recorder.stats
        self.metrics = recorder.metrics
        self.subscribed = recorder.subscribed
        self._supervisor = supervisor
        self._camera, self._microphone = devices
        self._reloader = reloader
        self._notifier = notifier
        self._ask_provisioning = ask_provisioning

    async def snapshot(self) -> bytes:
        """See `edgemeet.control.application.Daemon`."""
        return await self._camera.snapshot()

    async def reload(self) -> Reloaded:
        """See `edgemeet.control.application.Daemon`."""
        self._notifier.reloading()
        try:
            return await self._reloader.reload(self._supervisor)
        finally:
            self._notifier.ready()
            # Who reads everything anew wants the server's word anew too.
            self._ask_provisioning()

    async def reload_when(self, asked: asyncio.Event) -> None:
        """Reload whenever `asked` is set, until cancelled. The reloader tells what was wrong."""
        while True:
            await asked.wait()
            asked.clear()
            with contextlib.suppress(ConfigError):
                await self.reload()

    def command(self, command: Command) -> None:
        """See `edgemeet.control.application.Daemon`."""
        logger.info("told: %s", command)
        match command:
            case Command.REJOIN:
                self._reloader.back_to_native()
                self._supervisor.rejoin()
            case Command.LEAVE:
                self._supervisor.leave()
            case Command.MUTE | Command.UNMUTE:
                self._microphone.switch(on=command is Command.UNMUTE)
            case Command.CAMERA_ON | Command.CAMERA_OFF:
                self._camera.switch(on=command is Command.CAMERA_ON)


def run(settings: Settings, redactor: Redactor, read: Callable[[], Settings]) -> None:
    """Be a participant until SIGTERM or SIGINT; then leave within 5 s and return. SIGHUP reloads.

    Args:
        settings: to begin with.
        redactor: learns all secrets.
        read: reads the settings anew; raises ConfigError.

    Raises:
        ControlError: the control socket cannot be opened.
        ConfigError: there is no participant id and no place to keep a new one.
    """
    build.teach(redactor, settings)
    asyncio.run(_run(settings, redactor, read))


async def _run(settings: Settings, redactor: Redactor, read: Callable[[], Settings]) -> None:
    own_id = participant_id(settings)
    health = HealthRegistry()
    camera, microphone = build.camera(settings), build.microphone(settings)
    devices = (camera, microphone)
    store = StateStore(settings.state_directory, on_fault=partial(_note_state_fault, health))
    path, members = settings.control.socket, settings.control.group
    with listening(path, members, activated=activated_socket(path)) as listener:
        async with build.http_client(settings) as client:
            guidance = Guidance(health)
            hands = build.remote_hands(settings, own_id, lambda: commands)
            reloader = Reloader(
                settings,
                lambda: guidance.settings(read()),
                lambda new: session_maker(
                    new,
                    client,
                    own_id,
                    devices,
                    redactor,
                    store=store,
                    polling=guidance.polling,
                    attendant=hands,
                    health=health,
                ),
                devices,
                health=health,
                redactor=redactor,
            )
            surroundings = Surroundings(health)
            supervisor = Supervisor(
                reloader.make_session,
                health,
                limits=build.limits(settings),
                clock_set=surroundings.clock_set,
                reachable=takes_connections,
            )
            report = StatusReport(supervisor, devices, health, own_id, started=process_start())
            stop, reload = _on_signals()
            notifier = Notifier()
            recorder = Recorder(report, health)
            commands = Commands(
                recorder, supervisor, devices, reloader, notifier, ask_provisioning=guidance.polling.ask_now
            )
            broker = build.mqtt_options(settings, own_id)
            tasks = [
                supervisor.run(),
                surroundings.run(supervisor),
                guidance.run(supervisor, reloader),
                camera.run(),
                microphone.run(),
                DeviceHealth(devices, health).run(),
                recorder.run(),
                RebootRequest(
                    health, lambda: reloader.settings.service.allow_reboot, settings.runtime_directory
                ).run(),
                serve(commands, listener, Policy.for_group(members)),
                serve_metrics(commands, metrics_listener(settings.metrics, health)),
                commands.reload_when(reload),
                *([_at_broker(broker, commands, health)] if broker else []),
                ServiceReport(
                    recorder.latest, supervisor, devices, notifier, settings.meeting.entry_timeout
                ).run(),
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


def _at_broker(
    options: MqttOptions, commands: Commands, health: HealthRegistry
) -> Coroutine[None, None, None]:
    from edgemeet.telemetry.mqtt import MqttBridge  # noqa: PLC0415 - loaded where a broker is configured

    return MqttBridge(options, commands, health).run()


def _note_state_fault(health: HealthRegistry, fault: StateError | None) -> None:
    """Nothing can be remembered: worth knowing, and no reason to do anything else differently."""
    if fault is None:
        health.clear("state")
    elif health.raise_condition("state", fault, Severity.WARNING):
        logger.warning("%s (%s)", fault.message, fault.code)


def _on_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """What is set by SIGTERM and SIGINT, and what by SIGHUP.

    At a terminal SIGHUP says that the terminal is gone: nobody would see or stop the daemon then.
    """
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _note_signal, stop, number, "leaving")
    if at_terminal:
        loop.add_signal_handler(signal.SIGHUP, _note_signal, stop, signal.SIGHUP, "leaving")
    else:
        loop.add_signal_handler(signal.SIGHUP, _note_signal, reload, signal.SIGHUP, "reloading")
    return stop, reload


def _note_signal(event: asyncio.Event, number: signal.Signals, what: str) -> None:
    logger.info("%s: %s", number.name, what)
    event.set()


def process_start(proc: Path = Path("/proc")) -> float:
    """Seconds on the monotonic clock at which this process started, from the kernel.

    /proc/self/stat tells it in clock ticks since boot (proc(5), field 22), and CLOCK_BOOTTIME counts from
    there too; the two clocks differ by the time the machine was suspended.
    """
    fields = (proc / "self" / "stat").read_text().rsplit(")", 1)[1].split()
    ticks_per_second = 100  # USER_HZ, the same on every Linux that Python runs on
    since_boot = int(fields[19]) / ticks_per_second
    return since_boot + time.monotonic() - time.clock_gettime(time.CLOCK_BOOTTIME)
