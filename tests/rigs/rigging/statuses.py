"""What a running daemon tells, as tests of what is shown need it."""

from __future__ import annotations

from typing import Final

from edgemeet.control import EncodingStatus

ENCODING: Final = EncodingStatus(
    ssrc=1,
    width=1280,
    height=720,
    frames_per_second=29.97,
    bitrate=1_496_000,
    target_bitrate=1_500_000,
    packets_sent=10,
    bytes_sent=10,
    frames_sent=10,
    key_frames_sent=2,
    frames_dropped=0,
    retransmitted_packets_sent=0,
    nack_count=3,
    pli_count=4,
    packets_lost=1,
    fraction_lost=0.05,
    round_trip_time=0.012,
    jitter=0.001,
)
