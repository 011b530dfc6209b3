"""The rung above the watchdog: a machine that only a restart can mend.

A process in an uninterruptible call of a driver (state D) outlives SIGKILL, and a new process of ours would
find the same driver. The daemon has no right to restart anything: it leaves a file in its runtime directory,
and `edgemeet-reboot.path` of systemd sees it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edgemeet.health import HealthRegistry
from edgemeet.media.capture_session import HELD_CODE

logger = logging.getLogger(__name__)

REQUEST_NAME: Final = "reboot-wanted"
# Seconds that a driver may take to come back by itself: a USB bus that resets takes half a minute.
PATIENCE: Final = 120.0
# Seconds that the machine must have been up: a fault that a restart does not mend costs two restarts an hour.
SHORTEST_UPTIME: Final = 1800.0
_INTERVAL: Final = 5.0  # seconds between two looks


def should_reboot(*, held_for: float, uptime: float, allowed: bool) -> bool:
    """Whether the machine is to be restarted now. Pure.

    Args:
        held_for: seconds for which a driver has held a process of ours; 0 when none does.
        uptime: seconds since the machine was started.
        allowed: `service.allow_reboot`.
    """
    return allowed and held_for >= PATIENCE and uptime >= SHORTEST_UPTIME


def uptime() -> float:
    """Seconds since the machine was started, its sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class RebootRequest:
    """Asks for a restart of the machine, once, when nothing else helps and it is allowed.

    Args:
        health: knows what is wrong.
        allowed: the setting in force.
        folder: the runtime directory.
        clock: seconds, monotonic.
        uptime: seconds since the machine was started.
    """

    def __init__(
        self,
        health: HealthRegistry,
        allowed: Callable[[], bool],
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        uptime: Callable[[], float] = uptime,
    ) -> None:
        self._health = health
        self._allowed = allowed
        self._file = folder / REQUEST_NAME
        self._clock = clock
        self._uptime = uptime
        self._held_since: float | None = None
        self._asked = False

    async def run(self) -> None:
        """Look every 5 s, until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(_INTERVAL)

    def look(self) -> None:
        """Ask if it is time to."""
        now = self._clock()
        held = [condition for condition in self._health.conditions() if condition.code == HELD_CODE]
        if not held:
            self._held_since = None
            return
        if self._held_since is None:
            self._held_since = now
        held_for = now - self._held_since
        if not self._asked and should_reboot(
            held_for=held_for, uptime=self._uptime(), allowed=self._allowed()
        ):
            self._asked = True
            logger.critical("asking systemd to restart the machine: %s", held[0].text)
            self._ask(held[0].text)

    def _ask(self, reason: str) -> None:
        try:
            self._file.write_text(f"{reason}\n")
        except OSError as error:
            logger.error("cannot ask: %s", error)  # noqa: TRY400 - its stack says nothing more
