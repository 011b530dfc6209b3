"""Who may turn a device on and off. Pure.

An operator's word beats a host's: what an operator turned off no host turns on, and what an operator turns
on is on. A host may always turn off. What the configuration has off from the start is off until somebody
turns it on; whether hosts may at all is `meeting.allow_remote_unmute`, and not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Hand(StrEnum):
    """Whose hand is on the switch."""

    CONFIG = "config"
    HOST = "host"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that several hands may hold off; it is on when none does."""

    held_off_by: frozenset[Hand] = frozenset()

    @property
    def on(self) -> bool:
        """Whether the device may be open."""
        return not self.held_off_by

    def turned(self, on: bool, by: Hand) -> Switch:
        """The switch after `by` turned it. Unchanged where `by` may not."""
        if not on:
            return Switch(self.held_off_by | {by})
        if by is Hand.CONFIG:
            return Switch(self.held_off_by - {by})
        if by is Hand.HOST and Hand.OPERATOR in self.held_off_by:
            return self
        return Switch()
