from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgemeet.rtc.clusters import cluster_rate
from edgemeet.rtc.transport_cc import (
    Arrival,
    ArrivalMeter,
    FeedbackMalformed,
    SentPackets,
    TransportFeedback,
    parse_feedback,
)

SSRCS = bytes.fromhex("00000001 00000002")


def body(text: str) -> bytes:
    return SSRCS + bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "first", "arrivals"),
    [
        # A run of three small deltas: 64 ms, and 0, 1 and 255 ticks of 0.25 ms.
        ("0007 0003 000001 00 2003 00 01 ff 00", 7, (0.064, 0.06425, 0.128)),
        # A run of nothing, then one that came earlier than the reference: a large delta of -4 ticks.
        ("ffff 0003 000002 05 0002 4001 fffc 0000", 0xFFFF, (None, None, 0.127)),
        # One-bit symbols: 10100000000000, of which four count.
        ("0001 0004 000000 00 a800 04 08", 1, (0.001, None, 0.003, None)),
        # Two-bit symbols: small, none, large; the reference time is negative.
        ("0001 0003 ffffff 00 d200 00 03e8", 1, (-0.064, None, 0.186)),
    ],
)
def test_table(text: str, first: int, arrivals: tuple[float | None, ...]) -> None:
    feedback = parse_feedback(body(text))
    assert feedback.first == first
    assert feedback.arrivals == pytest.approx(arrivals)


@pytest.mark.parametrize(
    "text", ["", "0001 0001 000000", "0001 0001 000000 00", "0001 0003 000000 00 2003 00 01"]
)
def test_what_is_truncated_is_refused(text: str) -> None:
    with pytest.raises(FeedbackMalformed):
        parse_feedback(body(text))


@given(st.binary(max_size=300))
@example(SSRCS + b"\0\1\xff\xff\0\0\0\0\x1f\xff")
def test_rubbish_is_refused_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(FeedbackMalformed):
        assert len(parse_feedback(data).arrivals) <= 0xFFFF


def test_numbers_survive_their_wrap() -> None:
    sent = SentPackets()
    numbers = [sent.number(float(n), n) for n in range(70_000)]
    assert numbers[65_535:65_538] == [65_535, 0, 1]
    assert sent.take(numbers[-1]) == (69_999.0, 69_999)
    assert sent.take(numbers[-1]) is None  # told twice
    assert sent.take(numbers[66_000]) == (66_000.0, 66_000)
    assert sent.take(numbers[60_000]) is None  # too long ago
    assert SentPackets().take(0) is None


class Link:
    """A queue before a rate, and feedback every 100 ms; the receiver's clock is its own."""

    OFFSET = 1234.5

    def __init__(self) -> None:
        self.sent = SentPackets()
        self.meter = ArrivalMeter(self.sent)
        self.free_at = 0.0
        self.told = 0
        self.arrivals: list[float | None] = []
        self.now = 0.0

    def run(
        self,
        seconds: float,
        *,
        sending: int,
        capacity: int,
        longest: float = 0.2,
        loss: float = 0.0,
        busy: float = 0.0,
    ) -> list[Arrival]:
        """Packets of 500 bytes at `sending` bits per second; the receiver is `busy` for so long at first."""
        ready = self.now + busy
        rng, found = random.Random(4), []
        interval, until = 4000 / sending, self.now + seconds
        due = self.now + 0.1
        while self.now < until:
            self.now += interval
            self.sent.number(self.now, 500)
            self.free_at = max(self.free_at, self.now)
            if self.free_at - self.now > longest or rng.random() < loss:
                self.arrivals.append(None)
            else:
                self.free_at += 4000 / capacity
                self.arrivals.append(max(self.free_at, ready))
            if self.now >= due:
                due += 0.1
                found += self._feed_back()
        return found

    def _feed_back(self) -> list[Arrival]:
        known = [a for a in self.arrivals if a is None or a <= self.now]
        while known and known[-1] is None:
            known.pop()
        if not known:
            return []
        self.arrivals = self.arrivals[len(known) :]
        feedback = TransportFeedback(
            self.told & 0xFFFF, tuple(None if a is None else a + self.OFFSET for a in known)
        )
        self.told += len(known)
        arrival = self.meter.add(feedback, self.now)
        return [] if arrival is None else [arrival]


def test_a_free_path_has_no_queue_and_brings_what_is_sent() -> None:
    found = Link().run(5, sending=1_000_000, capacity=10_000_000)
    assert len(found) > 15
    for arrival in found[3:]:
        assert arrival.fraction_lost == 0
        assert arrival.queue == pytest.approx(0, abs=0.002)
        assert arrival.rate == pytest.approx(1_000_000, rel=0.05)
        assert not arrival.limited


def test_a_cut_is_seen_within_half_a_second() -> None:
    link = Link()
    link.run(5, sending=1_500_000, capacity=10_000_000)
    found = link.run(0.5, sending=1_500_000, capacity=300_000)
    worst = found[-1]
    assert worst.limited
    assert worst.queue > 0.1
    assert worst.rate == pytest.approx(300_000, rel=0.1)


def test_a_receiver_that_was_busy_for_a_moment_is_no_queue() -> None:
    link = Link()
    link.run(5, sending=1_500_000, capacity=10_000_000)
    found = link.run(1, sending=1_500_000, capacity=10_000_000, busy=0.35)
    assert found
    assert max(arrival.queue for arrival in found) < 0.01


def test_chance_takes_packets_and_leaves_no_queue() -> None:
    found = Link().run(20, sending=1_000_000, capacity=10_000_000, loss=0.05)
    lost = [arrival.fraction_lost for arrival in found]
    assert sum(lost) / len(lost) == pytest.approx(0.05, abs=0.02)
    assert not any(arrival.limited for arrival in found[3:])
    assert max(arrival.queue for arrival in found) < 0.01


def test_a_little_sent_over_a_slow_path_is_no_congestion() -> None:
    found = Link().run(10, sending=100_000, capacity=300_000)
    assert not any(arrival.limited for arrival in found[1:])
    assert max(arrival.queue for arrival in found) < 0.01


def test_a_longer_way_is_the_usual_one_after_half_a_minute() -> None:
    link = Link()
    link.run(5, sending=500_000, capacity=10_000_000)
    link.OFFSET += 0.2
    before = link.run(5, sending=500_000, capacity=10_000_000)[-1]
    assert before.queue == pytest.approx(0.2, abs=0.01)
    after = link.run(40, sending=500_000, capacity=10_000_000)[-1]
    assert after.queue == pytest.approx(0, abs=0.01)


def test_a_burst_is_measured_apart_once() -> None:
    link = Link()
    link.run(2, sending=250_000, capacity=300_000)
    assert link.meter.burst(link.now) is None
    assert not link.meter.in_burst(link.now)
    link.meter.expect_burst(link.now, 0.3)
    assert link.meter.in_burst(link.now)
    link.run(0.3, sending=1_000_000, capacity=600_000)
    link.run(1, sending=250_000, capacity=600_000)
    told = link.meter.burst(link.now)
    assert told is not None
    shown = cluster_rate(told)
    assert shown is not None
    assert shown.limited
    assert shown.rate == pytest.approx(0.85 * 600_000, rel=0.05)
    assert link.meter.burst(link.now) is None
    assert not link.meter.in_burst(link.now)


def test_a_burst_of_which_nothing_is_told_ends_too() -> None:
    meter = ArrivalMeter(SentPackets())
    meter.expect_burst(10.0, 0.2)
    assert meter.burst(10.3) is None
    assert meter.burst(11.0) == ()
    assert meter.burst(11.1) is None
