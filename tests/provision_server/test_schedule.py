"""Which meeting when: a table, and what must hold for any slot."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.provision_server.schedule import (
    EVERY_DAY,
    Slot,
    clock_text,
    days_text,
    meeting_at,
    next_change,
    slot,
)


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


OFFICE = slot("office", "mon-fri", "09:00", "17:30")
NIGHT = slot("night", "fri", "22:00", "06:00")
BERLIN = slot("berlin", "mon-sun", "02:30", "09:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("when", "slots", "meeting"),
    [
        ("2026-11-27 08:59:59", [OFFICE], None),  # a Friday
        ("2026-11-27 09:00:00", [OFFICE], "office"),
        ("2026-11-27 17:29:59", [OFFICE], "office"),
        ("2026-11-27 17:30:00", [OFFICE], None),
        ("2026-11-28 12:00:00", [OFFICE], None),
        ("2026-11-27 23:00:00", [NIGHT], "night"),
        ("2026-11-28 05:59:59", [NIGHT], "night"),
        ("2026-11-28 06:00:00", [NIGHT], None),
        ("2026-11-28 23:00:00", [NIGHT], None),
        ("2026-11-27 12:00:00", [slot("first", "fri", "11:00", "13:00"), OFFICE], "first"),
        ("2026-07-01 06:59:00", [BERLIN], "berlin"),  # 08:59 there
        ("2026-07-01 07:01:00", [BERLIN], None),
        ("2026-12-01 07:59:00", [BERLIN], "berlin"),
        ("2026-03-29 01:15:00", [BERLIN], None),  # 03:15 there: at 02:00 it had become 03:00
    ],
)
def test_the_meeting_of_the_hour(when, slots, meeting):
    if when.startswith("2026-03-29"):
        # 02:30 does not exist on that day; Python reads it as 03:30 summer time.
        assert meeting_at(slots, at(when)) is None
        assert meeting_at(slots, at("2026-03-29 01:31:00")) == "berlin"
        return
    assert meeting_at(slots, at(when)) == meeting


@pytest.mark.parametrize(
    ("when", "slots", "expected"),
    [
        ("2026-11-27 08:00:00", [OFFICE], "2026-11-27 09:00:00"),
        ("2026-11-27 09:00:00", [OFFICE], "2026-11-27 17:30:00"),
        ("2026-11-27 18:00:00", [OFFICE, NIGHT], "2026-11-27 22:00:00"),
        ("2026-11-28 18:00:00", [OFFICE], None),
        ("2026-11-28 18:00:00", [], None),
    ],
)
def test_the_next_change(when, slots, expected):
    assert next_change(slots, at(when)) == (at(expected) if expected else None)


@pytest.mark.parametrize(
    "arguments",
    [
        ("monday", "09:00", "10:00"),
        ("", "09:00", "10:00"),
        ("mon-", "09:00", "10:00"),
        ("mon", "9:00", "10:00"),
        ("mon", "09:00", "24:00"),
        ("mon", "09:00", "10:60"),
        ("mon", "09:00", "10:00", "Mars/Olympus"),
        ("mon", "09:00", "10:00", "../../etc/passwd"),
    ],
)
def test_what_is_no_slot(arguments):
    with pytest.raises(ValueError, match="must be"):
        slot("meeting", *arguments)


def test_days_over_the_end_of_the_week():
    assert days_text(slot("m", "sat-mon, wed", "00:00", "01:00").days) == "mon,wed,sat,sun"
    assert clock_text(605) == "10:05"


SLOTS = st.builds(
    Slot,
    meeting_id=st.just("m"),
    days=st.integers(1, EVERY_DAY),
    starts=st.integers(0, 1439),
    ends=st.integers(0, 1439),
    timezone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland", "Asia/Kolkata"]
    ),
)


@given(SLOTS, st.integers(1_600_000_000, 2_000_000_000))
def test_nothing_changes_before_the_next_change(one, now):
    edge = next_change([one], now) or now + 86_400
    before = meeting_at([one], now)
    assert meeting_at([one], edge - 1) == before
    assert meeting_at([one], (now + edge) / 2) == before
