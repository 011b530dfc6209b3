"""Asks the provisioning server again and again whether something has changed."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final, Protocol

from edgemeet.errors import EdgemeetError
from edgemeet.provisioning.answer import MOST_POLL
from edgemeet.provisioning.provisioner import Assignment

# The part of a pause that is left to chance: a fleet that was switched on together spreads out.
JITTER: Final = 0.2
# Each poll in a row that failed doubles the pause, up to this many times the pause that the server named.
LONGEST_BACKOFF: Final = 8.0

_log = logging.getLogger(__name__)


class Asked(Protocol):
    """Who is asked: what `Provisioner` is to this module."""

    def assignment(self) -> Assignment | None:
        """The server's last word."""

    async def poll(self) -> Assignment | None:
        """Ask; the answer is its last word then. Raises EdgemeetError."""


def pause(poll_after: float, failures: int, retry_after: float | None, draw: float) -> float:
    """Seconds until the next poll. Pure.

    Args:
        poll_after: what the server named.
        failures: polls in a row that failed.
        retry_after: what the last failure asked for.
        draw: from 0 to 1. It shortens the pause after a poll that worked, so that what changes is known
            within the pause that the server named; after a failure it stretches it.
    """
    if failures == 0:
        return poll_after * (1 - JITTER * draw)
    wanted = max(poll_after * min(2.0**failures, LONGEST_BACKOFF), retry_after or 0.0)
    return min(wanted, MOST_POLL) * (1 + JITTER * draw)


class Polling:
    """Polls whoever admitted the device last, as often as the server asks for.

    Args:
        on_news: told of each change: what was before, and what is now. Not told of what an admission
            brought, for whoever was admitted knows.
        on_admitted: told of what each admission brought.
        on_answer: told how each poll went: None, or why it failed, and the failures in a row.
        rng: for the jitter.
    """

    def __init__(
        self,
        on_news: Callable[[Assignment, Assignment], None],
        on_admitted: Callable[[Assignment], None],
        on_answer: Callable[[EdgemeetError | None, int], None],
        *,
        rng: random.Random | None = None,
    ) -> None:
        self._on_news = on_news
        self._on_admitted = on_admitted
        self._on_answer = on_answer
        self._rng = rng or random.Random()
        self._asked: Asked | None = None
        self._known: Assignment | None = None
        self._failures = 0
        self._retry_after: float | None = None
        self._changed = asyncio.Event()
        self._hurry = False

    def admitted(self, by: Asked) -> None:
        """The device has just asked `by` for admission, with or without success."""
        self._asked = by
        said = by.assignment()
        if said is not None:
            self._known = said
            self._on_admitted(said)
        self._changed.set()

    def ask_now(self) -> None:
        """Do not wait for the next poll."""
        self._hurry = True
        self._changed.set()

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            self._changed.clear()
            if self._hurry or not await self._disturbed(self._pause()):
                self._hurry = False
                await self._poll()

    def _pause(self) -> float | None:
        said = self._known
        if self._asked is None or said is None or said.poll_after is None:
            return None
        return pause(said.poll_after, self._failures, self._retry_after, self._rng.random())

    async def _disturbed(self, seconds: float | None) -> bool:
        """Wait; True if something changed meanwhile, and the wait is to be thought over."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        asked, before = self._asked, self._known
        if asked is None:
            return
        try:
            said = await asked.poll()
        except EdgemeetError as error:
            self._failures += 1
            self._retry_after = error.retry_after
            _log.debug("a poll of the provisioning server failed: %s (%s)", error.message, error.code)
            self._on_answer(error, self._failures)
            return
        self._failures, self._retry_after = 0, None
        self._on_answer(None, 0)
        # An admission may have come in between: then it knows more.
        if said is None or self._asked is not asked or self._known is not before:
            return
        self._known = said
        if before is not None and said != before:
            self._on_news(before, said)
