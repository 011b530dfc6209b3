"""What a viewer makes of timestamps, sender reports and capture times: when each thing happened."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from aiortc.rtp import RtcpPacket, RtcpSrPacket, RtpPacket, unpack_header_extensions

from edgemeet.encoded import AccessUnit
from edgemeet.ortc.parameters import RtpParameters
from edgemeet.rtc.media_clock import MediaClock

if TYPE_CHECKING:
    from edgemeet.rtc import Sender
    from tests.rtc.conftest import Path

KEY = b"\0\0\1\x65" + b"\xaa" * 100
NTP = 2_208_988_800
BEGAN = 1.7e9  # Unix time
CAPTURE_TIME_ID = 13
MakeParameters = Callable[..., RtpParameters]


@dataclass
class Track:
    """A viewer's side of one stream: the last report maps timestamps to moments."""

    sender: Sender
    rate: int
    report: tuple[float, int] | None = None  # NTP seconds, and the timestamp of that moment

    def take_report(self, now: float) -> None:
        data = self.sender.reports(now)
        if data:
            (report, *_) = RtcpPacket.parse(data)
            assert isinstance(report, RtcpSrPacket)
            info = report.sender_info
            self.report = (info.ntp_timestamp / 2**32, info.rtp_timestamp)

    def moment(self, timestamp: int) -> float:
        """Unix time at which it was captured."""
        assert self.report is not None
        ntp, reference = self.report
        ticks = (timestamp - reference + 2**31) % 2**32 - 2**31
        return ntp - NTP + ticks / self.rate


class Wall:
    """A wall clock that is set an hour forward after five minutes."""

    def __init__(self, path: Path) -> None:
        self._path, self._began = path, path.now

    def __call__(self) -> float:
        passed = self._path.now - self._began
        return BEGAN + passed + (3600 if passed > 300 else 0)


def test_lips_stay_in_step_for_ten_minutes_and_over_a_step_of_the_wall_clock(
    path: Path, parameters: MakeParameters, highest: random.Random
) -> None:
    """The sound card runs 100 ppm fast and is read with jitter; timestamps wrap in the first second."""
    began = path.now
    path.media_clock = MediaClock(lambda: path.now, Wall(path))
    video = Track(path.sender(parameters("h264"), highest), 90_000)
    audio = Track(path.sender(parameters(None), highest), 48_000)
    tracks = {103: video, 100: audio}
    rng = random.Random(1)
    worst = dict.fromkeys(tracks, 0.0)
    for packet in range(30_000):
        path.now = began + packet * 0.02 / 1.0001
        captured = {100: path.now + rng.uniform(-0.004, 0.004)}
        audio.sender.send(AccessUnit(0, captured[100], True, b"opus"))
        if packet % 5 == 0:
            captured[103] = path.now - 0.03  # the encoder took its time
            video.sender.send(AccessUnit(0, captured[103], True, KEY))
        for data in path.pacer.packets(path.now):
            sent = RtpPacket.parse(data)
            track = tracks[sent.payload_type]
            if track.report is not None:
                error = track.moment(sent.timestamp) - (captured[sent.payload_type] - began + BEGAN)
                worst[sent.payload_type] = max(worst[sent.payload_type], abs(error))
        if packet % 50 == 7:
            for track in tracks.values():
                track.take_report(path.now)
    assert audio.report is not None
    assert worst[103] < 0.001
    assert worst[100] < 0.02
    assert max(worst.values()) + min(worst.values()) < 0.04


@pytest.mark.parametrize(("codec", "interval"), [("h264", 0.1), (None, 0.02)], ids=["picture", "sound"])
def test_the_time_of_capture_is_told_once_a_second(
    path: Path, parameters: MakeParameters, codec: str | None, interval: float
) -> None:
    began = path.now
    path.media_clock = MediaClock(lambda: path.now, lambda: BEGAN)
    sender = path.sender(parameters(codec))
    told = []
    data = KEY + b"\xaa" * 3000 if codec else b"opus"
    for number in range(int(10 / interval)):
        path.now = began + number * interval
        captured = path.now - 0.05
        sender.send(AccessUnit(0, captured, True, data))
        for at in range(10):
            for packet in path.pacer.packets(path.now + at * interval / 10):
                header = packet[12:]
                words = int.from_bytes(header[2:4], "big")
                extensions = dict(
                    unpack_header_extensions(int.from_bytes(header[:2], "big"), header[4 : 4 + 4 * words])
                )
                if CAPTURE_TIME_ID in extensions:
                    told.append(captured)
                    unix = int.from_bytes(extensions[CAPTURE_TIME_ID], "big") / 2**32 - NTP
                    assert unix == pytest.approx(BEGAN + captured - began, abs=0.001)
    assert len(told) == 10
