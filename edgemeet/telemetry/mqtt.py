"""The daemon at an MQTT broker: state, events and pictures out, commands in. Off unless configured.

The broker may come and go; the meeting does not notice. Topics begin with `<topic>/<participant id>`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import ssl
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from pydantic import SecretStr

from edgemeet.control import Command, Event, Status
from edgemeet.errors import ControlError, DeviceError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.telemetry.home_assistant import discovery, summary

if TYPE_CHECKING:
    from aiomqtt import Client

# ruff: noqa: PLC0415 - aiomqtt belongs to an extra, and is loaded where a broker is configured

logger = logging.getLogger(__name__)

SUBJECT: Final = "mqtt"
OPERATION_TIMEOUT: Final = 10.0  # seconds for connecting, publishing, subscribing
KEEP_ALIVE: Final = 20  # seconds; the broker tells that a device is gone after one and a half of it
FIRST_PAUSE: Final = 1.0  # seconds before the second attempt to connect; doubled up to
LONGEST_PAUSE: Final = 60.0
LARGEST_COMMAND: Final = 64  # bytes

_COMMANDS: Final[dict[tuple[str, str], Command]] = {
    ("microphone", "ON"): Command.UNMUTE,
    ("microphone", "OFF"): Command.MUTE,
    ("camera", "ON"): Command.CAMERA_ON,
    ("camera", "OFF"): Command.CAMERA_OFF,
    ("meeting", "REJOIN"): Command.REJOIN,
    ("meeting", "LEAVE"): Command.LEAVE,
}
# Return codes of MQTT 3.1.1, 3.2.2.3: bad user name or password, not authorised; and their names in MQTT 5.
_REFUSED: Final = frozenset({4, 5, 134, 135})


class Events(Protocol):
    """What happens."""

    async def get(self) -> Event:
        """The next event, when there is one."""


class Door(Protocol):
    """The daemon, as far as a broker has to do with it."""

    def status(self) -> Status:
        """How things stand."""

    def subscribed(self) -> AbstractContextManager[Events]:
        """Listen to events."""

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG. Raises DeviceError."""

    def command(self, command: Command) -> None:
        """Begin to carry out `command`; returns at once."""


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """A broker, and what it is told.

    Attributes:
        host, port: of the broker.
        tls: whether the connection is encrypted; `ca_file` instead of the system's trust.
        interval: seconds between two publications of the status without an event.
        snapshot_interval: seconds between two pictures; None publishes none.
        commands: whether commands are obeyed.
        discovery_prefix: of Home Assistant; None tells it nothing.
    """

    host: str
    port: int
    participant_id: str
    tls: bool = True
    ca_file: Path | None = None
    username: str | None = None
    password: SecretStr | None = field(default=None, repr=False)
    topic: str = "edgemeet"
    interval: float = 10.0
    snapshot_interval: float | None = None
    commands: bool = False
    discovery_prefix: str | None = "homeassistant"

    @property
    def base(self) -> str:
        """What the device's topics begin with."""
        return f"{self.topic}/{self.participant_id}"


def command_of(base: str, topic: str, payload: bytes) -> Command | None:
    """What a message asks for; None when it asks for nothing that is known. Pure."""
    thing = topic.removeprefix(f"{base}/set/")
    if len(payload) > LARGEST_COMMAND:
        return None
    return _COMMANDS.get((thing, payload.decode("ascii", "replace").strip().upper()))


class MqttBridge:
    """Keeps the daemon at its broker until cancelled.

    Args:
        options: the broker.
        door: the daemon.
        health: told when the broker cannot be reached.
        rng: spreads the attempts of a fleet.
    """

    def __init__(
        self, options: MqttOptions, door: Door, health: HealthRegistry, *, rng: random.Random | None = None
    ) -> None:
        self._options = options
        self._door = door
        self._health = health
        self._rng = rng or random.Random()
        self._connected = False

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost."""
        try:
            import aiomqtt
        except ImportError:
            self._complain(
                "mqtt.not_installed", "the library aiomqtt is not installed", "pip install 'edgemeet[mqtt]'"
            )
            return
        pause = FIRST_PAUSE
        while True:
            self._connected = False
            try:
                await self._serve()
            except* (aiomqtt.MqttError, OSError) as group:
                self._tell_failure(_first(group))
            pause = FIRST_PAUSE if self._connected else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause * (0.5 + self._rng.random()))

    async def _serve(self) -> None:
        import aiomqtt

        options, availability = self._options, f"{self._options.base}/availability"
        client = aiomqtt.Client(
            options.host,
            options.port,
            username=options.username,
            password=options.password.get_secret_value() if options.password else None,
            identifier=f"edgemeet-{options.participant_id}",
            will=aiomqtt.Will(availability, "offline", qos=1, retain=True),
            tls_context=await asyncio.to_thread(_tls, options.ca_file) if options.tls else None,
            keepalive=KEEP_ALIVE,
            timeout=OPERATION_TIMEOUT,
            max_queued_incoming_messages=100,
            logger=_SILENT,
        )
        async with client:
            try:
                await self._introduce(client, availability)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._publish_status(client))
                    group.create_task(self._obey(client))
                    if options.snapshot_interval is not None:
                        group.create_task(self._publish_pictures(client, options.snapshot_interval))
            except asyncio.CancelledError:
                # A connection that is closed in order leaves no will.
                with suppress(aiomqtt.MqttError):
                    await client.publish(availability, "offline", qos=1, retain=True, timeout=1.0)
                raise

    async def _introduce(self, client: Client, availability: str) -> None:
        options = self._options
        await client.publish(availability, "online", qos=1, retain=True)
        if options.discovery_prefix is not None:
            document = discovery(
                options.base,
                options.participant_id,
                self._door.status(),
                commands=options.commands,
                pictures=options.snapshot_interval is not None,
            )
            topic = f"{options.discovery_prefix}/device/edgemeet-{options.participant_id}/config"
            await client.publish(topic, json.dumps(document), qos=1, retain=True)
        if options.commands:
            await client.subscribe(f"{options.base}/set/#", qos=1)
        self._connected = True
        self._health.clear(SUBJECT)
        logger.info("at the MQTT broker %s", options.host)

    async def _publish_status(self, client: Client) -> None:
        """The status every interval, and at once after an event."""
        base = self._options.base
        with self._door.subscribed() as events:
            while True:
                status = self._door.status()
                await client.publish(f"{base}/status", status.model_dump_json(), qos=1, retain=True)
                await client.publish(f"{base}/summary", summary(status).model_dump_json(), qos=1, retain=True)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._options.interval):
                        event = await events.get()
                        await client.publish(f"{base}/event", event.model_dump_json(), qos=1)

    async def _publish_pictures(self, client: Client, interval: float) -> None:
        """Pictures are not retained: who connects next week must not see today's."""
        while True:
            with suppress(DeviceError):
                jpeg = await self._door.snapshot()
                await client.publish(f"{self._options.base}/snapshot", jpeg, qos=0)
            await asyncio.sleep(interval)

    async def _obey(self, client: Client) -> None:
        async for message in client.messages:
            # A retained one may be old: what was meant last week must not mute the device after a reboot.
            if message.retain or not isinstance(message.payload, bytes | bytearray):
                continue
            command = command_of(self._options.base, message.topic.value, bytes(message.payload))
            if command is None:
                logger.info("a message at %s/set asks for nothing that is known", self._options.base)
                continue
            logger.info("told over MQTT: %s", command)
            self._door.command(command)

    def _tell_failure(self, error: BaseException) -> None:
        where = f"the MQTT broker {self._options.host} port {self._options.port}"
        code, said, hint = _meaning(error)
        self._complain(code, f"{where} {said}", hint)

    def _complain(self, code: str, message: str, hint: str) -> None:
        problem = ControlError(message, code=code, hint=hint)
        new = self._health.raise_condition(SUBJECT, problem, Severity.WARNING)
        logger.log(logging.WARNING if new else logging.DEBUG, "%s (%s)", message, code)


# paho logs packets, passwords among them, at DEBUG: it is given no logger of the tree.
_SILENT = logging.Logger("edgemeet.mqtt.silent", level=logging.CRITICAL + 1)


def _meaning(error: BaseException) -> tuple[str, str, str]:
    """Code, text and hint for a failure. The library's own texts are not passed on."""
    if _return_code(error) in _REFUSED:
        return (
            "mqtt.refused",
            "refuses this device",
            "check mqtt.username and mqtt.password, and the broker's rules",
        )
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return (
                "mqtt.tls",
                "is not trusted, or speaks no TLS",
                "set mqtt.ca_file, or mqtt.tls and mqtt.port",
            )
    return (
        "mqtt.unreachable",
        "cannot be reached",
        "check mqtt.host and mqtt.port, and whether the broker runs",
    )


def _return_code(error: BaseException) -> int | None:
    code = getattr(error, "rc", None)
    value = getattr(code, "value", code)
    return value if isinstance(value, int) else None


def _causes(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and len(found) < 8:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
