"""Does what the provisioning server says while the device runs: move, stay out, come back, other settings."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from edgemeet.config import Settings
from edgemeet.config.overrides import with_overrides
from edgemeet.daemon.reload import Reloader
from edgemeet.errors import AuthError, ConfigError, EdgemeetError
from edgemeet.health import HealthRegistry, Severity
from edgemeet.provisioning import Assignment, Polling, revocation
from edgemeet.supervisor import Supervisor, Wake

# The registry's names for a server that polls do not reach, and for settings of its that cannot be used.
SERVER: Final = "provisioning"
SETTINGS: Final = "provisioned settings"
# Polls in a row that may fail before it is told: a server is restarted now and then.
PATIENCE: Final = 3

logger = logging.getLogger(__name__)


class Guidance:
    """Owns the polls, and the settings that the server has set.

    Args:
        health: told what is wrong.
    """

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health
        self._config: Mapping[str, Mapping[str, JsonValue]] = {}
        self._reload = asyncio.Event()
        self._supervisor: Supervisor | None = None
        self.polling = Polling(self._news, self._admitted, self._answer)

    def settings(self, own: Settings) -> Settings:
        """The device's own settings, with the server's in their place where these can be used."""
        try:
            return with_overrides(own, self._config)
        except ConfigError as error:
            if self._health.raise_condition(SETTINGS, error, Severity.WARNING):
                logger.warning("%s (%s)", error.message, error.code)
            return own

    async def run(self, supervisor: Supervisor, reloader: Reloader) -> None:
        """Poll, and put in force what comes, until cancelled."""
        self._supervisor = supervisor
        async with asyncio.TaskGroup() as group:
            group.create_task(self.polling.run())
            while True:
                await self._reload.wait()
                self._reload.clear()
                # What is wrong with a file of the device's own is told by the reloader.
                with contextlib.suppress(ConfigError):
                    await reloader.reload(supervisor)

    def _admitted(self, said: Assignment) -> None:
        if not said.revoked:
            self._use(said.config)

    def _news(self, before: Assignment, now: Assignment) -> None:
        if self._supervisor is None:
            return
        if now.revoked:
            revoked = revocation()
            logger.warning("%s (%s)", revoked.message, revoked.code)
            self._supervisor.suspend(revoked)
            return
        self._use(now.config)
        if replace(now, config={}) != replace(before, config={}):
            logger.info("the provisioning server has other orders: joining anew")
            self._supervisor.wake(Wake.MEETING)

    def _use(self, config: Mapping[str, Mapping[str, JsonValue]]) -> None:
        if config != self._config:
            self._config = config
            self._health.clear(SETTINGS)
            self._reload.set()

    def _answer(self, error: EdgemeetError | None, failures: int) -> None:
        if error is None:
            if self._health.clear(SERVER) is not None:
                logger.info("the provisioning server answers again")
        # The device goes on as it is: what it was told last holds.
        elif (isinstance(error, AuthError) or failures >= PATIENCE) and self._health.raise_condition(
            SERVER, error, Severity.WARNING
        ):
            logger.warning("%s (%s)", error.message, error.code)
