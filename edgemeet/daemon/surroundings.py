"""What happens around the daemon, told to the supervisor; a clock that is not set is told to people too."""

from __future__ import annotations

import asyncio
import logging

from edgemeet.errors import ClockError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.network_faults import CLOCK_HINT
from edgemeet.supervisor import Supervisor, Wake
from edgemeet.world import ClockWatch, LinkWatch

logger = logging.getLogger(__name__)

# The registry's name for what is wrong with the clock.
SUBJECT = "clock"


class Surroundings:
    """Watches the network and the clock.

    Args:
        health: told of a clock that is not set.
    """

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health
        self._clock = ClockWatch(self._clock_was_set)
        self._links = LinkWatch(self._network_changed)
        self._supervisor: Supervisor | None = None
        self._tell_clock()

    def clock_set(self) -> bool | None:
        """Whether the wall clock is right; None where nobody sets it."""
        return self._clock.state

    async def run(self, supervisor: Supervisor) -> None:
        """Watch until cancelled, and wake `supervisor`."""
        self._supervisor = supervisor
        async with asyncio.TaskGroup() as group:
            group.create_task(self._clock.run())
            group.create_task(self._links.run())

    def _clock_was_set(self, jump: float) -> None:
        self._tell_clock()
        self._wake(Wake.CLOCK)

    def _network_changed(self) -> None:
        logger.info("the network has changed")
        self._wake(Wake.NETWORK)

    def _wake(self, reason: Wake) -> None:
        if self._supervisor is not None:
            self._supervisor.wake(reason)

    def _tell_clock(self) -> None:
        if self._clock.state is not False:
            if self._health.clear(SUBJECT) is not None:
                logger.info("the clock is right now")
            return
        unset = ClockError(
            "this machine's clock has not been set since it started", code="clock.unset", hint=CLOCK_HINT
        )
        if self._health.raise_condition(SUBJECT, unset, Severity.WARNING):
            logger.warning("%s (%s)", unset.message, unset.code)
