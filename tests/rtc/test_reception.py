from __future__ import annotations

import pytest

from edgemeet.rtc.media_clock import MediaClock, middle_bits
from edgemeet.rtc.reception import Reception
from edgemeet.rtc.rtcp import ReportBlock


def block(highest: int, *, last_report: int = 0, delay: int = 0) -> ReportBlock:
    return ReportBlock(
        ssrc=1,
        fraction_lost=64,
        packets_lost=3,
        highest_sequence=highest,
        jitter=900,
        last_report=last_report,
        delay=delay,
    )


def test_units() -> None:
    reception = Reception(90_000)
    reception.receive(block(5), 1.0, last_sequence=9)
    assert reception.fraction_lost == 0.25
    assert reception.packets_lost == 3
    assert reception.jitter == 0.01


def test_round_trip_is_measured_on_the_monotonic_clock() -> None:
    clock = MediaClock(lambda: 0.0, lambda: 1e9)
    reception = Reception(90_000)
    ntp = clock.ntp(100.0)
    reception.report_sent(ntp, 100.0)
    reception.receive(block(5, last_report=middle_bits(ntp), delay=32768), 100.58, last_sequence=9)
    assert reception.round_trip == pytest.approx(0.08)


@pytest.mark.parametrize("last_report", [0, 12345])
def test_a_report_that_answers_none_of_ours_measures_nothing(last_report: int) -> None:
    reception = Reception(90_000)
    reception.report_sent(1 << 40, 100.0)
    reception.receive(block(5, last_report=last_report), 100.5, last_sequence=9)
    assert reception.round_trip is None


def test_only_progress_is_an_acknowledgement() -> None:
    reception = Reception(90_000)
    reception.receive(block(5), 1.0, last_sequence=9)
    assert reception.acknowledged_at == 1.0
    reception.receive(block(5), 2.0, last_sequence=50)  # the same again, while more was sent
    assert reception.acknowledged_at == 1.0
    reception.receive(block(0x10002), 3.0, last_sequence=50)  # over the wrap
    assert reception.acknowledged_at == 3.0
    reception.receive(block(0x10002), 4.0, last_sequence=2)  # nothing new, but nothing missing
    assert reception.acknowledged_at == 4.0
