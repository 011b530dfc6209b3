"""The conditions that hold at the moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from edgemeet.errors import EdgemeetError


class Severity(StrEnum):
    """How much a condition matters to the people in the meeting."""

    INFO = "info"  # as wanted, but worth knowing
    WARNING = "warning"  # the device helps itself or does with less
    ERROR = "error"  # the device is not seen or not heard


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be.

    Attributes:
        code: stable dotted name, the same as that of the error it comes from.
        severity: how much it matters.
        text: one plain sentence without secrets.
        hint: what a person can do about it, if anything.
        since: unix time at which it began.
    """

    code: str
    severity: Severity
    text: str
    hint: str | None
    since: float


Listener = Callable[[str, Condition | None, Condition | None], None]


class HealthRegistry:
    """Holds at most one condition for each subject ("session", "camera", "microphone")."""

    def __init__(self, wall_clock: Callable[[], float] = time.time) -> None:
        self._wall_clock = wall_clock
        self._conditions: dict[str, Condition] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with the subject and the condition before and after, at each change of one.

        It is called for a condition that is raised again, too. It must return at once and not raise.
        """
        self._listeners.append(listener)

    def raise_condition(self, subject: str, error: EdgemeetError, severity: Severity) -> bool:
        """`error` holds for `subject` from now on. True when it did not hold before: worth a warning."""
        before = self._conditions.get(subject)
        same = before is not None and before.code == error.code
        condition = self._conditions[subject] = Condition(
            code=error.code,
            severity=severity,
            text=error.message,
            hint=error.hint,
            since=before.since if before is not None and same else self._wall_clock(),
        )
        self._tell(subject, before, condition)
        return not same

    def clear(self, subject: str) -> Condition | None:
        """`subject` is well; returns what was wrong until now."""
        before = self._conditions.pop(subject, None)
        if before is not None:
            self._tell(subject, before, None)
        return before

    def _tell(self, subject: str, before: Condition | None, after: Condition | None) -> None:
        for listener in self._listeners:
            listener(subject, before, after)

    def conditions(self) -> tuple[Condition, ...]:
        """All that holds, worst first."""
        order = list(Severity)
        return tuple(sorted(self._conditions.values(), key=lambda c: (-order.index(c.severity), c.since)))
