"""Which meeting when. Pure: the time is given."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY: Final = 0b111_1111
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Slot:
    """A meeting at certain hours of certain days.

    Attributes:
        meeting_id: the meeting.
        days: bits; bit 0 is Monday. A slot over midnight belongs to the day on which it starts.
        starts, ends: minutes after midnight; an end that is not after the start is on the next day.
        timezone: an IANA name.
    """

    meeting_id: str
    days: int
    starts: int
    ends: int
    timezone: str


def slot(meeting_id: str, days: str, starts: str, ends: str, timezone: str = "UTC") -> Slot:
    """A slot from what a person writes: ``mon-fri`` or ``mon,wed``, ``09:00``, ``17:30``.

    Raises:
        ValueError: what is wrong, in plain words.
    """
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError('the time zone must be a name such as "Europe/Berlin"') from None
    return Slot(meeting_id, _days(days), _minutes(starts), _minutes(ends), timezone)


def _days(text: str) -> int:
    bits = 0
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError('days must be like "mon-fri" or "mon,wed,sun"')
        at, end = DAYS.index(first), DAYS.index(last or first)
        while True:
            bits |= 1 << at
            if at == end:
                break
            at = (at + 1) % 7
    return bits


def days_text(bits: int) -> str:
    """``mon,tue``."""
    return ",".join(day for number, day in enumerate(DAYS) if bits >> number & 1)


def _minutes(text: str) -> int:
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError('times must be like "09:00", from 00:00 to 23:59')
    return int(match[1]) * 60 + int(match[2])


def clock_text(minutes: int) -> str:
    """``09:00``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def meeting_at(slots: Sequence[Slot], now: float) -> str | None:
    """The meeting of the first slot that has begun and not ended; None when there is none."""
    for one in slots:
        if any(begin <= now < end for begin, end in _occurrences(one, now)):
            return one.meeting_id
    return None


def next_change(slots: Sequence[Slot], now: float) -> float | None:
    """Seconds since 1970 of the next begin or end of any slot within a day; None when there is none."""
    edges = (edge for one in slots for pair in _occurrences(one, now) for edge in pair)
    return min((edge for edge in edges if now < edge <= now + 86_400), default=None)


def _occurrences(one: Slot, now: float) -> Iterator[tuple[float, float]]:
    """Begin and end on yesterday, today and tomorrow, as the clocks on the wall there show them."""
    zone = ZoneInfo(one.timezone)
    today = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    for offset in (-1, 0, 1):
        day = today + timedelta(days=offset)
        if one.days >> day.weekday() & 1:
            length = one.ends - one.starts if one.ends > one.starts else one.ends - one.starts + 1440
            begin = day + timedelta(minutes=one.starts)
            end = begin + timedelta(minutes=length)
            # Local times: on the day that the clocks change a slot still begins and ends when they say so.
            yield begin.replace(tzinfo=zone).timestamp(), end.replace(tzinfo=zone).timestamp()
