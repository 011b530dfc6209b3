"""Statuses, and a daemon that is only a record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgemeet.control import (
    CaptureView,
    Command,
    EncodingStatus,
    Event,
    HealthStatus,
    MeetingStatus,
    PeerStatus,
    ProducerStatus,
    Reloaded,
    Stats,
    Status,
    TimingStatus,
    TokenStatus,
    TransportStatus,
)
from edgemeet.errors import ControlError

EMPTY = Status(
    version="1.2.3",
    state="waiting",
    phase=None,
    for_seconds=1.5,
    uptime=60.0,
    next_join_in=2.0,
    joins=0,
    attempts=3,
    meeting=MeetingStatus(id=None, participant_id="cam-1", name=None),
    token=None,
    producers=(),
    captures=(),
    transport=None,
    timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
    health=(),
)


def encoding(**changes: object) -> EncodingStatus:
    known = {
        "ssrc": 1,
        "width": 640,
        "height": 360,
        "frames_per_second": 29.5,
        "bitrate": 1_500_000.0,
        "target_bitrate": 1_600_000,
        "packets_sent": 1000,
        "bytes_sent": 1_000_000,
        "frames_sent": 300,
        "key_frames_sent": 3,
        "frames_dropped": 2,
        "retransmitted_packets_sent": 5,
        "nack_count": 4,
        "pli_count": 1,
        "packets_lost": 7,
        "fraction_lost": 0.02,
        "round_trip_time": 0.03,
        "jitter": 0.004,
    }
    return EncodingStatus.model_validate(known | changes)


FULL = EMPTY.model_copy(
    update={
        "state": "joined",
        "joins": 2,
        "next_join_in": None,
        "meeting": MeetingStatus(
            id="abcd-efgh-ijkl", participant_id="cam-1", name="Door", peers=(PeerStatus(id="a", name="Ann"),)
        ),
        "token": TokenStatus(expires_at=1_800_000_000.0),
        "producers": (
            ProducerStatus(id="v", kind="video", codec="h264", encodings=(encoding(), encoding(ssrc=2))),
            ProducerStatus(
                id="a", kind="audio", codec="opus", encodings=(encoding(ssrc=3, width=None, height=None),)
            ),
        ),
        "captures": (
            CaptureView(kind="video", on=True, state="running", frames=500, dropped=1, restarts=2),
            CaptureView(kind="audio", on=True, state="running", frames=900, audio_level=-31),
        ),
        "transport": TransportStatus(
            state="connected",
            round_trip_time=0.03,
            available_bitrate=2_000_000,
            bytes_sent=1_000_000,
            packets_sent=1000,
        ),
        "timing": TimingStatus(process_to_first_media=1.2, attempt_to_token=0.1, token_to_first_media=0.4),
        "health": (HealthStatus(code="device.silent", message="nothing", severity="warning", since=1.0),),
    }
)


class Queue:
    def __init__(self) -> None:
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.put = self._events.put_nowait
        self.get = self._events.get


class RecordedDaemon:
    """Answers like a daemon and does nothing."""

    def __init__(self, status: Status = FULL) -> None:
        self._status = status
        self.told: list[Command] = []
        self.listeners: list[Queue] = []
        self.full = False

    def status(self) -> Status:
        return self._status

    def stats(self) -> Stats:
        return Stats(interval=1.0, samples=())

    def metrics(self) -> bytes:
        return b"edgemeet_joins_total 1.0\n"

    @contextmanager
    def subscribed(self) -> Iterator[Queue]:
        if self.full:
            raise ControlError("8 listen already", code="control.busy", hint="end one")
        queue = Queue()
        self.listeners.append(queue)
        try:
            yield queue
        finally:
            self.listeners.remove(queue)

    async def snapshot(self) -> bytes:
        return b"\xff\xd8 a picture"

    def command(self, command: Command) -> None:
        self.told.append(command)

    async def reload(self) -> Reloaded:
        return Reloaded(applied=("log.level",), needs_restart=(), rejoins=False)


@pytest.fixture
def recorded() -> RecordedDaemon:
    return RecordedDaemon()
