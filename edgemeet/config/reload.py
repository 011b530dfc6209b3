"""What changed between two settings, and what it takes to have it in force. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from edgemeet.config.settings import Settings


class Effect(StrEnum):
    """What has to happen for a changed key."""

    PATIENCE = "patience"  # the supervisor goes by other numbers
    LOG = "log"  # logging is set up anew
    SWITCH = "switch"  # the microphone or the camera is turned on or off
    CAMERA = "camera"  # the camera is captured and published anew
    MICROPHONE = "microphone"  # likewise
    NEXT_JOIN = "next join"  # nothing now: a meeting that works is not left for it
    REJOIN = "rejoin"  # the meeting is left and joined again
    RESTART = "restart"  # the running daemon cannot


# By dotted key, then by table. A key of neither needs a restart: that is slow and never wrong.
_EFFECTS: Final[dict[str, frozenset[Effect]]] = {
    "meeting": frozenset({Effect.REJOIN}),
    "meeting.participant_id": frozenset({Effect.RESTART}),
    # The camera writes the name on the still that stands in for it.
    "meeting.name": frozenset({Effect.REJOIN, Effect.CAMERA}),
    "meeting.mic": frozenset({Effect.SWITCH}),
    "meeting.webcam": frozenset({Effect.SWITCH}),
    "meeting.multistream": frozenset({Effect.CAMERA}),
    "meeting.entry_timeout": frozenset({Effect.NEXT_JOIN}),
    "provisioning": frozenset({Effect.NEXT_JOIN}),
    "provisioning.ca_file": frozenset({Effect.RESTART}),
    "provisioning.client_cert": frozenset({Effect.RESTART}),
    "provisioning.client_key": frozenset({Effect.RESTART}),
    "whip": frozenset({Effect.REJOIN}),
    "whip.after_failures": frozenset({Effect.NEXT_JOIN}),
    "whip.back_after": frozenset({Effect.NEXT_JOIN}),
    "recovery": frozenset({Effect.PATIENCE}),
    "camera": frozenset({Effect.CAMERA}),
    "microphone": frozenset({Effect.MICROPHONE}),
    "log": frozenset({Effect.LOG}),
    # Looked at when it is needed.
    "service": frozenset(),
}


@dataclass(frozen=True, slots=True)
class Change:
    """A key whose value is another one now. The values are not told: they may be secrets."""

    key: str
    effects: frozenset[Effect]


def effects_of(key: str) -> frozenset[Effect]:
    """What a change of the dotted `key` asks for."""
    for known in (key, key.partition(".")[0]):
        if known in _EFFECTS:
            return _EFFECTS[known]
    return frozenset({Effect.RESTART})


def changes(before: Settings, after: Settings) -> tuple[Change, ...]:
    """The keys that differ, in the order of the documentation; ``meeting.metadata`` counts as one key."""
    return tuple(Change(key, effects_of(key)) for key in _differing(before, after))


def _differing(before: BaseModel, after: BaseModel, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, BaseModel) and isinstance(new, BaseModel):
            found += _differing(old, new, f"{prefix}{name}.")
        elif old != new:
            found.append(f"{prefix}{name}")
    return found
