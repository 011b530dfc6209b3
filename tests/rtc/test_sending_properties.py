"""What holds whatever happens to a sender: numbers go on, sound has its share, the budget is kept."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from aiortc.rtp import RtcpPsfbPacket, RtpPacket, pack_remb_fci
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemeet.encoded import AccessUnit
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc.stream import FLOOR_BITRATE

if TYPE_CHECKING:
    from tests.rtc.conftest import Path

KEY = b"\0\0\1\x65" + b"\xaa" * 3000
DELTA = b"\0\0\1\x41" + b"\xaa" * 900
MakeParameters = Callable[..., RtpParameters]
# The fixtures are makers and constants; what an example changes it makes for itself.
UNTOUCHED = [HealthCheck.function_scoped_fixture]

steps = st.one_of(
    st.tuples(st.just("picture"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("bandwidth"), st.integers(50_000, 4_000_000), st.just(False)),
    st.tuples(st.just("time"), st.integers(1, 20_000), st.just(False)),  # milliseconds
    st.tuples(st.just("pause"), st.just(0), st.booleans()),
    st.tuples(st.just("watched"), st.integers(0, 2), st.booleans()),
)


@pytest.fixture
def make_path(path: Path) -> Callable[[], Path]:
    return type(path)


def tell(path: Path, bitrate: int) -> None:
    fci = pack_remb_fci(bitrate, [1])
    path.feedback.receive(bytes(RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=fci)))


@given(st.lists(steps, max_size=60))
@settings(suppress_health_check=UNTOUCHED, deadline=None)
def test_numbers_and_timestamps_go_on_through_wraps_and_restarts(
    make_path: Callable[[], Path],
    parameters: MakeParameters,
    highest: random.Random,
    happenings: list[tuple[str, int, bool]],
) -> None:
    path = make_path()
    sender = path.sender(parameters("h264", 3), highest)
    streams: dict[int, tuple[int, int]] = {}  # the last number and timestamp
    for name, value, flag in happenings:
        match name:
            case "picture":
                sender.send(AccessUnit(value, path.now, flag, KEY if flag else DELTA))
            case "bandwidth":
                tell(path, value)
            case "time":
                path.now += value / 1000
            case "pause":
                sender.pause() if flag else sender.resume()
            case "watched":
                sender.hint_watched(value, watched=flag)
        for packet in map(RtpPacket.parse, path.pacer.packets(path.now)):
            if packet.ssrc in streams:
                number, timestamp = streams[packet.ssrc]
                assert (packet.sequence_number - number) & 0xFFFF == 1
                assert (packet.timestamp - timestamp) & 0xFFFFFFFF < 1 << 31
            streams[packet.ssrc] = (packet.sequence_number, packet.timestamp)


@given(st.lists(st.tuples(st.integers(10_000, 5_000_000), st.floats(0, 5)), min_size=1, max_size=20))
@settings(suppress_health_check=UNTOUCHED, deadline=None)
def test_sound_has_its_share_and_pictures_no_more_than_the_rest(
    make_path: Callable[[], Path],
    parameters: MakeParameters,
    told: list[tuple[int, float]],
) -> None:
    path = make_path()
    sound, picture = path.sender(parameters(None)), path.sender(parameters("h264", 3))
    for bitrate, pause in told:
        path.now += pause
        tell(path, bitrate)
        assert sound.target_bitrate == sound.maximum_bitrate
        left = path.feedback.estimator.value - sound.target_bitrate
        assert picture.target_bitrate <= max(left, FLOOR_BITRATE)
        # Sound leaves at once, whatever waits.
        picture.send(AccessUnit(0, path.now, True, KEY))
        sound.send(AccessUnit(0, path.now, True, b"opus"))
        packets = [RtpPacket.parse(packet) for packet in path.pacer.packets(path.now)]
        assert packets
        assert packets[0].payload == b"opus"
