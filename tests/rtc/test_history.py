from __future__ import annotations

from edgemeet.rtc.history import MIN_ALLOWANCE, History, SentPacket

RATE = 1_000_000


def packet(sequence: int, sent: float, size: int = 1000) -> SentPacket:
    return SentPacket(sequence, 0, marker=False, payload=bytes(size), audio_level=None, sent=sent)


def test_a_packet_is_kept_for_a_second() -> None:
    history = History()
    history.add(packet(1, sent=0.0))
    assert history.take(1, 0.5, round_trip=None, rate=RATE) is not None
    assert history.take(1, 1.5, round_trip=None, rate=RATE) is None
    history.add(packet(2, sent=1.5))
    assert len(history) == 1


def test_numbers_that_come_again_are_the_new_packets() -> None:
    history = History()
    history.add(packet(0xFFFF, sent=0.0))
    history.add(packet(0, sent=0.1))
    history.add(packet(0xFFFF, sent=0.9))
    history.add(packet(0, sent=1.2))
    found = history.take(0xFFFF, 1.3, round_trip=None, rate=RATE)
    assert found is not None
    assert found.sent == 0.9


def test_a_repetition_within_a_round_trip_is_not_served() -> None:
    history = History()
    history.add(packet(1, sent=0.0))
    assert history.take(1, 0.1, round_trip=0.2, rate=RATE)
    assert history.take(1, 0.25, round_trip=0.2, rate=RATE) is None
    assert history.take(1, 0.35, round_trip=0.2, rate=RATE)


def test_repairs_are_rationed() -> None:
    history = History()
    for sequence in range(2000):
        history.add(packet(sequence, sent=sequence / 4000))
    served = sum(bool(history.take(n, 0.5, round_trip=None, rate=RATE)) for n in range(2000))
    assert served == MIN_ALLOWANCE // 1000
    later = sum(bool(history.take(n, 0.7, round_trip=None, rate=RATE)) for n in range(1000, 2000))
    # Half the target rate for the 0.2 s since: 12.5 kB.
    assert later == 12
