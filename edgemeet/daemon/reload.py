"""New settings for a running daemon: all that can be in force is, or nothing changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edgemeet.config import Settings
from edgemeet.config.reload import Change, Effect, changes
from edgemeet.control import Reloaded
from edgemeet.daemon import build
from edgemeet.daemon.way_in import WayIn
from edgemeet.errors import ConfigError, EdgemeetError, Evicted, Remedy
from edgemeet.health import HealthRegistry, Severity
from edgemeet.supervisor import Device, Hand, RunsOnce, State, Supervisor, Wake
from edgemeet.telemetry import Redactor, configure_logging

logger = logging.getLogger(__name__)

# The registry's name for what is wrong with the configuration.
SUBJECT = "configuration"
# Seconds that reading a few small files may take; a network file system may hang for ever.
READ_TIMEOUT = 10.0


def should_rejoin(state: State, error: EdgemeetError | None, effects: frozenset[Effect]) -> bool:
    """Whether new settings are a reason to join (again) now. Pure.

    An operator who told the device to leave, and a host who removed it, are not overruled by a file.

    Args:
        state: of the supervisor.
        error: what ended the last session.
        effects: of all changes.
    """
    wanted = bool(effects & {Effect.REJOIN, Effect.NEXT_JOIN})
    match state:
        case State.JOINED:
            return Effect.REJOIN in effects
        case State.JOINING:
            return wanted  # the attempt under way has the old settings
        case State.WAITING:
            return wanted and not isinstance(error, Evicted)
        case State.HELD:
            return wanted and error is not None and error.remedy is Remedy.STOP
        case State.LEFT:
            return False


class Reloader:
    """Holds the settings in force and exchanges them.

    Args:
        settings: those the daemon starts with.
        read: reads them anew; raises ConfigError.
        make_sessions: makes what makes sessions, for given settings.
        devices: camera and microphone.
        health: told of a configuration that cannot be used.
        redactor: told of new secrets.
    """

    def __init__(
        self,
        settings: Settings,
        read: Callable[[], Settings],
        make_sessions: Callable[[Settings], WayIn],
        devices: tuple[Device, Device],
        *,
        health: HealthRegistry,
        redactor: Redactor,
    ) -> None:
        self._started = self._settings = settings
        self._read = read
        self._make_sessions = make_sessions
        self._make_session = make_sessions(settings)
        self._camera, self._microphone = devices
        self._health = health
        self._redactor = redactor
        self._one_at_a_time = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self._settings

    def make_session(self, on_news: Callable[[], None]) -> RunsOnce:
        """A session with the settings in force."""
        return self._make_session(on_news)

    def back_to_native(self) -> None:
        """See `WayIn.back`."""
        self._make_session.back()

    async def reload(self, supervisor: Supervisor) -> Reloaded:
        """Read the settings and put them in force.

        Raises:
            ConfigError: they cannot be used; nothing has changed, and a health condition says so until a
                reload succeeds.
        """
        async with self._one_at_a_time:
            try:
                new = await self._read_in_time()
                make_session = self._make_sessions(new)
                devices = build.camera(new), build.microphone(new)
            except ConfigError as error:
                self._health.raise_condition(SUBJECT, error, Severity.WARNING)
                logger.warning("the configuration is kept as it was: %s (%s)", error.message, error.code)
                raise
            # From here on nothing can fail: that is what makes it all or nothing.
            found = changes(self._settings, new)
            self._settings, self._make_session = new, make_session
            return self._put_in_force(found, devices, supervisor)

    async def _read_in_time(self) -> Settings:
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                return await asyncio.to_thread(self._read)
        except TimeoutError:
            raise ConfigError(
                f"the configuration could not be read within {READ_TIMEOUT:g} s", code="config.unreadable"
            ) from None

    def _put_in_force(
        self, found: tuple[Change, ...], devices: tuple[Device, Device], supervisor: Supervisor
    ) -> Reloaded:
        effects = frozenset(effect for change in found for effect in change.effects)
        settings = self._settings
        build.teach(self._redactor, settings)
        if Effect.LOG in effects:
            configure_logging(settings.log.level, settings.log.format, self._redactor)
        if Effect.CAMERA in effects:
            self._camera.take_plan_of(devices[0])
        if Effect.MICROPHONE in effects:
            self._microphone.take_plan_of(devices[1])
        for change in found:
            if change.key == "meeting.webcam":
                self._camera.switch(settings.meeting.webcam, by=Hand.CONFIG)
            elif change.key == "meeting.mic":
                self._microphone.switch(settings.meeting.mic, by=Hand.CONFIG)
        supervisor.use_limits(build.limits(settings))
        view = supervisor.view()
        rejoins = should_rejoin(view.state, view.error, effects)
        if rejoins:
            supervisor.rejoin(Wake.RELOAD)
        return self._tell(found, rejoins=rejoins)

    def _tell(self, found: tuple[Change, ...], *, rejoins: bool) -> Reloaded:
        since_start = changes(self._started, self._settings)
        restart = tuple(c.key for c in since_start if Effect.RESTART in c.effects)
        applied = tuple(c.key for c in found if Effect.RESTART not in c.effects)
        if restart:
            pending = ConfigError(
                f"changed, but not in force before a restart: {', '.join(restart)}",
                code="config.restart_needed",
                hint="systemctl restart edgemeet",
            )
            self._health.raise_condition(SUBJECT, pending, Severity.INFO)
            logger.warning("%s", pending.message)
        else:
            self._health.clear(SUBJECT)
        logger.info("configuration read again; changed: %s", ", ".join(applied) or "nothing")
        return Reloaded(applied=applied, needs_restart=restart, rejoins=rejoins)
