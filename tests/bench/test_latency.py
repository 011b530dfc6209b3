"""The arithmetic of scripts/bench latency: no device, no browser."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rig.latency import (
    Sent,
    Shown,
    clock_offset,
    match,
    percentile,
    read_digests,
    read_traces,
    share_received,
    stages,
)

TRACES = """\
read 1000000000 1004000000 7
encoded 1000000000 0 1004500000 1008000000 6000 1
taken 1000000000 0 1009000000
stamped 1000000000 4294967000
packet 4294967000 0 1010000000
packet 4294967000 1 1020000000
packet 4294967000 1 1900000000
packet 55 1 1009500000
read 1033000000 1037000000 8
encoded 1033000000 0 1037000000 1040000000 5000 0
taken 1033000000 0 1041000000
stamped 1033000000 2674
packet 2674 1 1042000000
read 1066000000 1070000000 9
encoded 1066000000 0 1070000000 1073000000 5000 0
taken 1066000000 0 1074000000
"""


def lines() -> list[str]:
    return TRACES.splitlines()


def shown_of(sent: Sent, *, moved: int = 0, counter: int | None = -1) -> Shown:
    return Shown(
        counter=sent.counter if counter == -1 else counter,
        timestamp=(sent.timestamp + moved) % 2**32,
        received=sent.last_sent + 0.001,
        decoding=0.002,
        shown=sent.last_sent + 0.033,
    )


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.95, 4.0), (1.0, 4.0)]
)
def test_a_percentile_is_one_of_the_values(share: float, expected: float) -> None:
    assert percentile([4.0, 2.0, 1.0, 3.0], share) == expected


def test_of_nothing_there_is_no_percentile() -> None:
    assert math.isnan(percentile([], 0.5))


def test_traces_tell_when_each_picture_passed_and_repetitions_do_not_count() -> None:
    first, second = read_traces(lines(), layer=0)  # the third one was not sent
    assert (first.counter, first.timestamp, first.size, first.keyframe) == (7, 4294967000, 6000, True)
    assert (first.captured, first.first_sent, first.last_sent) == (1.0, 1.01, 1.02)
    assert (second.counter, second.first_sent, second.last_sent) == (8, 1.042, 1.042)


def test_another_layer_has_its_own_pictures() -> None:
    moved = [line.replace(" 0 1004500000", " 2 1004500000") for line in lines()]
    moved = [line.replace("taken 1000000000 0", "taken 1000000000 2") for line in moved]
    assert [each.counter for each in read_traces(moved, layer=2)] == [7]
    assert [each.counter for each in read_traces(moved, layer=0)] == [8]


def test_the_stages_of_a_picture_are_all_of_its_way() -> None:
    first, _ = read_traces(lines(), layer=0)
    seen = stages(first, shown_of(first))
    assert seen.capture == pytest.approx(0.004)
    assert seen.encode == pytest.approx(0.004)
    assert seen.hand_over == pytest.approx(0.001)
    assert seen.first_packet == pytest.approx(0.001)
    assert seen.pace == pytest.approx(0.010)
    assert seen.device == pytest.approx(0.020)
    assert seen.network == pytest.approx(0.001)
    assert seen.decode == pytest.approx(0.002)
    assert seen.buffer == pytest.approx(0.030)
    assert seen.total == pytest.approx(0.053)


@pytest.mark.parametrize("moved", [0, 1, 900, 2**32 - 900])
def test_pictures_are_found_again_however_the_server_numbers_them(moved: int) -> None:
    sent = read_traces(lines(), layer=0)
    matched = match(sent, [shown_of(each, moved=moved) for each in sent])
    assert [(picture.counter, shown.counter) for picture, shown in matched] == [(7, 7), (8, 8)]


def twenty() -> list[Sent]:
    first, _ = read_traces(lines(), layer=0)
    return [replace(first, counter=number, timestamp=number * 3000) for number in range(20)]


def test_a_page_that_reads_a_newer_picture_is_understood() -> None:
    shown = [shown_of(each) for each in twenty()]
    shown[4] = replace(shown[4], counter=5)
    shown[5] = replace(shown[5], counter=None)
    assert [picture.counter for picture, _ in match(twenty(), shown)] == list(range(20))


def test_counters_and_timestamps_that_disagree_are_no_measurement() -> None:
    shown = [replace(shown_of(each), timestamp=each.counter * 3001) for each in twenty()]
    with pytest.raises(ValueError, match="1 of 20 counters agree"):
        match(twenty(), shown)


def test_a_page_that_shows_something_else_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="none of 20"):
        match(twenty(), [shown_of(each, counter=None) for each in twenty()])


@pytest.mark.parametrize(
    ("received", "share"), [([3, 4, 5, 6], 1.0), ([3, 4, 6], 0.75), ([99], 0.0), ([], 0.0)]
)
def test_what_arrived_is_told_by_its_digests(received: list[int], share: float) -> None:
    lines = [f"digest {number} 0 {number}" for number in range(1, 9)]
    assert share_received(read_digests(lines), received) == share


def test_the_wall_clock_is_believed_where_the_page_itself_does_not_contradict_it() -> None:
    offset, uncertainty = clock_offset(12.3456, [(12.3, 12.346), (12.345, 12.4)])
    assert offset == 12.3456
    assert uncertainty == pytest.approx(0.0005)
    offset, uncertainty = clock_offset(17.0, [(12.3, 12.346), (12.345, 12.4)])
    assert offset == pytest.approx(12.3455)
    assert uncertainty == pytest.approx(0.0005)
