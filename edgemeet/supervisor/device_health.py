"""What is wrong with the camera and the microphone, in the health registry."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from edgemeet.beat import beat
from edgemeet.encoded import Kind
from edgemeet.errors import DeviceError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.media.status import CaptureStatus
from edgemeet.supervisor.device import Device

logger = logging.getLogger(__name__)

_INTERVAL: Final = 0.5  # seconds between two looks
# Seconds without a running capture that are no condition: a child that died is replaced in half of it.
GRACE: Final = 1.5

SUBJECTS: Final[dict[Kind, str]] = {"video": "camera", "audio": "microphone"}

_SIGNALS: Final = {
    "silent": DeviceError(
        "the microphone has heard nothing for a while, not even noise",
        code="device.silent",
        hint="is it switched off or unplugged? `alsamixer` shows its level; microphone.gain_db raises it",
    ),
    "frozen": DeviceError(
        "the camera gives the same picture again and again",
        code="device.frozen",
        hint="`edgemeet camera off` and `edgemeet camera on` open it anew",
    ),
    "black": DeviceError(
        "the camera's picture is black", code="device.black", hint="is something in front of the lens?"
    ),
}

Complaint = tuple[DeviceError, Severity]


def complaint(status: CaptureStatus | None, not_running_for: float) -> Complaint | None:
    """What is to be told about a device; None when all is well, or it is off.

    Args:
        status: of its capture; None while the device is off.
        not_running_for: seconds since it last ran.
    """
    if status is None:
        return None
    if status.state == "running":
        found = _SIGNALS.get(status.signal)
        return (found, Severity.WARNING) if found else None
    if status.last_error is None or not_running_for < GRACE:
        return None
    return status.last_error, Severity.ERROR


class DeviceHealth:
    """Keeps one condition for each device, and writes once when it comes and once when it goes.

    Args:
        devices: the camera and the microphone.
        health: where conditions are kept, under the subjects "camera" and "microphone".
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        devices: tuple[Device, ...],
        health: HealthRegistry,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._devices = devices
        self._health = health
        self._clock = clock
        self._ran_at = {device.kind: clock() for device in devices}

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        while True:
            self.look()
            await beat(_INTERVAL)

    def look(self) -> None:
        """Bring the registry up to date."""
        now = self._clock()
        for device in self._devices:
            status = device.status()
            if status is None or status.state == "running":
                self._ran_at[device.kind] = now
            found = complaint(status, now - self._ran_at[device.kind])
            # While a capture starts again after a fault, the fault is not over yet.
            starting = status is not None and status.state != "running"
            self._tell(SUBJECTS[device.kind], found, well=not starting)

    def _tell(self, subject: str, found: Complaint | None, *, well: bool) -> None:
        if found is not None:
            error, severity = found
            new = self._health.raise_condition(subject, error, severity)
            # The capture itself has written of errors that ended it.
            if new and severity is Severity.WARNING:
                logger.warning("%s (%s)", error.message, error.code)
        elif well and (before := self._health.clear(subject)) is not None:
            logger.info("the %s is well again (before: %s)", subject, before.text)
