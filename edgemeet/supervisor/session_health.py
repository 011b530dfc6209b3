"""What keeps the device out of its meeting, or its media from getting through: in the log and as health."""

from __future__ import annotations

import logging
from typing import Final

from edgemeet.errors import DuplicateParticipant, EdgemeetError, MediaStalled
from edgemeet.health import HealthRegistry, Severity
from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.limits import Limits

logger = logging.getLogger(__name__)

# The registry's names for what concerns the meeting as a whole, the participant id, the media path and the
# provisioning server's word.
SUBJECT: Final = "session"
IDENTITY: Final = "identity"
PATH: Final = "path"
SUSPENSION: Final = "suspension"


class SessionHealth:
    """Tells `health` and the log how sessions go."""

    def __init__(self, health: HealthRegistry) -> None:
        self._health = health

    def joined(self, meeting_id: str | None) -> None:
        """The device is in its meeting: what kept it out is over."""
        cleared = self._health.clear(SUBJECT)
        logger.info("joined %s%s", meeting_id, f" (before: {cleared.text})" if cleared else "")

    def left(self) -> None:
        """An operator wants the device out: nothing is wrong with that."""
        self._health.clear(SUBJECT)

    def suspended(self, reason: EdgemeetError | None) -> None:
        """The provisioning server wants the device out; None is that it does not any more."""
        if reason is None:
            self._health.clear(SUSPENSION)
        else:
            self._health.raise_condition(SUSPENSION, reason, Severity.ERROR)

    def path(self, session: SessionFacts, limits: Limits) -> None:
        """A path that is silent is told of as soon as it is noticed, whatever is done about it later."""
        silence = session.unacknowledged or 0.0
        if silence <= limits.media_timeout:
            if self._health.clear(PATH) is not None:
                logger.info("media moves again")
        else:
            stalled = MediaStalled(f"the server has acknowledged no media for {silence:.0f} s")
            if self._health.raise_condition(PATH, stalled, Severity.WARNING):
                logger.warning("%s (%s)", stalled.message, stalled.code)

    def alone(self) -> None:
        """Nobody else uses this participant id."""
        self._health.clear(IDENTITY)

    def path_is_gone(self) -> None:
        """The session has ended, and its path with it."""
        self._health.clear(PATH)

    def ended(self, error: EdgemeetError, plan: str, defect: BaseException | None) -> None:
        """A session ended by `error`; `plan` is what comes next, `defect` the traceback of one of ours."""
        if isinstance(error, DuplicateParticipant):
            self._health.raise_condition(IDENTITY, error, Severity.WARNING)
        new = self._health.raise_condition(SUBJECT, error, Severity.ERROR)
        level = logging.WARNING if new else logging.DEBUG
        logger.log(level, "%s (%s); %s", error.message, error.code, plan, exc_info=defect)
