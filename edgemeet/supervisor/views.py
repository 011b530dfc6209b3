"""What sessions and the supervisor tell about themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from edgemeet.errors import EdgemeetError
from edgemeet.rtc import SenderStats, TransportStats
from edgemeet.signaling import Peer


class Phase(StrEnum):
    """How far a session has come."""

    ADMITTING = "asking for a token"
    ENTERING = "entering the meeting"
    CONNECTING = "connecting media"
    JOINED = "joined"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True)
class ProducerView:
    """A producer as `status` shows it."""

    id: str
    stats: SenderStats


def first_packet_at(producers: tuple[ProducerView, ...], now: float) -> float | None:
    """When the first packet of all left, on the clock of `now`; None before. Pure."""
    ages = [
        encoding.first_packet_age
        for producer in producers
        for encoding in producer.stats.encodings
        if encoding.first_packet_age is not None
    ]
    return now - max(ages) if ages else None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds on the monotonic clock at which a session got so far; None when it has not."""

    began: float
    token: float | None = None
    joined: float | None = None
    first_media: float | None = None


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session as `status` shows it."""

    phase: Phase
    meeting_id: str | None
    name: str | None
    token_expires_at: float | None
    peers: tuple[Peer, ...]
    producers: tuple[ProducerView, ...]
    transport: TransportStats | None
    timings: Timings
    protocol: Literal["native", "whip"] = "native"


class State(StrEnum):
    """Where the device stands, in one word."""

    JOINING = "joining"
    JOINED = "joined"
    WAITING = "waiting"  # joins again by itself at a known time
    HELD = "held"  # waits for a person: removed by a host, or a configuration to mend
    LEFT = "left"  # an operator told it to leave


@dataclass(frozen=True, slots=True)
class SupervisorView:
    """The supervisor as `status` shows it.

    Attributes:
        state: one word.
        since: seconds in this state.
        error: what ended the last session, or None.
        next_join_in: seconds until the next join, while waiting.
        joins: sessions that got into a meeting.
        attempts: sessions begun.
        session: the running session, if any.
        media_remains: the session's signaling is lost, and its media goes on meanwhile.
    """

    state: State
    since: float
    error: EdgemeetError | None
    next_join_in: float | None
    joins: int
    attempts: int
    session: SessionView | None
    media_remains: bool = False
