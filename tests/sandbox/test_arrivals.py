from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.rtc import rtcp
from edgemeet.rtc.transport_cc import TransportFeedback
from edgemeet.sandbox.sfu.arrivals import INTERVAL, Arrivals, feedback


@given(
    first=st.integers(0, 0xFFFF),
    arrived=st.dictionaries(st.integers(0, 300), st.floats(1000, 1008), min_size=1),
    extra=st.integers(0, 20),
)
def test_the_sender_reads_what_is_written(first: int, arrived: dict[int, float], extra: int) -> None:
    count = max(arrived) + 1 + extra
    (read,) = rtcp.parse(feedback(first, count, arrived, number=3, ssrcs=(1, 2)))
    assert isinstance(read, TransportFeedback)
    assert read.first == first
    assert len(read.arrivals) == count
    for offset, arrival in enumerate(read.arrivals):
        expected = arrived.get(offset)
        assert arrival == (None if expected is None else pytest.approx(expected, abs=0.0003))


def read(arrivals: Arrivals, now: float) -> TransportFeedback:
    due = arrivals.due(now, 1)
    assert due is not None
    (entry,) = rtcp.parse(bytes(due))
    assert isinstance(entry, TransportFeedback)
    return entry


def test_each_packet_is_told_once_and_losses_between_them_too() -> None:
    arrivals = Arrivals()
    assert arrivals.due(10.0, 1) is None
    for number in (65_534, 65_535, 1):
        arrivals.add(number, 10.0, 7)
    told = read(arrivals, 10.0)
    assert told.first == 65_534
    assert [arrival is not None for arrival in told.arrivals] == [True, True, False, True]
    arrivals.add(2, 10.01, 7)
    assert arrivals.due(10.0 + INTERVAL / 2, 1) is None
    told = read(arrivals, 10.001 + INTERVAL)
    assert (told.first, len(told.arrivals)) == (2, 1)


def test_a_burst_is_told_in_parts() -> None:
    arrivals = Arrivals()
    for number in range(1000):
        arrivals.add(number, 10.0 + number / 1000, 7)
    told = [read(arrivals, 20.0 + part) for part in range(3)]
    assert [each.first for each in told] == [0, 400, 800]
    assert sum(len(each.arrivals) for each in told) == 1000
