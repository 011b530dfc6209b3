from __future__ import annotations

import itertools

import pytest

from edgemeet.rtc.audience import STOP_AFTER, Audience
from edgemeet.rtc.padding import Padding
from edgemeet.rtc.probing import FIRST_REST, LONGEST_REST, Prober


def rates(prober: Prober, seconds: range, **values: int) -> list[int]:
    return [prober.rate(1000.0 + s, **values) for s in seconds]


def test_nothing_missing_is_nothing_to_probe() -> None:
    assert Prober().rate(1.0, estimate=3_000_000, sending=2_000_000, needed=None) == 0


@pytest.mark.parametrize(
    ("estimate", "padding"),
    [(600_000, 50_000), (565_000, 0), (5_000_000, 900_000), (400_000, 0)],
)
def test_padding_fills_the_gap_to_the_estimate_and_not_above_the_need(estimate: int, padding: int) -> None:
    assert Prober().rate(1.0, estimate=estimate, sending=550_000, needed=1_450_000) == padding


def test_vain_bouts_become_rare() -> None:
    prober = Prober()
    sent = rates(prober, range(3600), estimate=800_000, sending=550_000, needed=1_450_000)
    bouts = [s for s in range(1, 3600) if sent[s] and not sent[s - 1]]
    assert bouts[0] - 12 == FIRST_REST
    assert max(b - a for a, b in itertools.pairwise(bouts)) == 12 + LONGEST_REST
    # Under a tenth of the time, when it goes on for long.
    assert sum(map(bool, sent)) < 400


def test_a_fall_of_the_estimate_ends_a_bout_at_once() -> None:
    prober = Prober()
    assert prober.rate(1000.0, estimate=800_000, sending=550_000, needed=1_450_000)
    assert not prober.rate(1001.0, estimate=700_000, sending=550_000, needed=1_450_000)
    assert not any(rates(prober, range(2, 8), estimate=700_000, sending=550_000, needed=1_450_000))
    assert any(rates(prober, range(8, 12), estimate=700_000, sending=550_000, needed=1_450_000))


def test_padding_keeps_its_rate() -> None:
    padding = Padding(lambda _: bytes(1000))
    now, octets = 5.0, 0
    padding.set_rate(800_000, now)
    while now < 15:
        octets += sum(map(len, padding.packets(now)))
        wait = padding.wait(now)
        assert wait
        assert wait <= 0.021
        now += wait
    assert octets == pytest.approx(1_000_000, rel=0.02)
    assert padding.octets == octets
    padding.set_rate(0, now)
    assert padding.wait(now) is None
    assert not list(padding.packets(now))


def test_a_burst_of_padding_ends_by_itself() -> None:
    padding = Padding(lambda _: bytes(500))
    padding.burst(400_000, 0.2, 5.0)
    octets = sum(len(packet) for step in range(50) for packet in padding.packets(5.0 + step / 50))
    assert octets == pytest.approx(10_000, abs=1000)
    assert padding.wait(6.0) is None


def test_padding_does_not_make_up_for_a_pause() -> None:
    padding = Padding(lambda _: bytes(1000))
    padding.set_rate(800_000, 5.0)
    assert sum(map(len, padding.packets(65.0))) <= 6000


def test_without_anything_to_repeat_nothing_is_sent() -> None:
    padding = Padding(lambda _: None)
    padding.set_rate(800_000, 5.0)
    assert not list(padding.packets(6.0))


def test_layers_are_watched_until_the_server_says_otherwise() -> None:
    audience = Audience(2)
    assert audience.wanted(1e9) == (True, True)
    audience.hint(1, 100.0, watched=False)
    audience.hint(1, 105.0, watched=False)
    audience.hint(7, 105.0, watched=False)
    assert audience.wanted(100 + STOP_AFTER - 0.1) == (True, True)
    assert audience.wanted(100 + STOP_AFTER) == (True, False)
    audience.hint(1, 200.0, watched=True)
    assert audience.wanted(200.0) == (True, True)
