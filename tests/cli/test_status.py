import io

import pytest
from rich.console import Console
from rigging.statuses import ENCODING

from edgemeet.cli.status import duration, show
from edgemeet.control import (
    CaptureView,
    HealthStatus,
    MeetingStatus,
    PeerStatus,
    Problem,
    ProducerStatus,
    Status,
    TimingStatus,
    TokenStatus,
    TransportStatus,
)


def status(**changes: object) -> Status:
    known: dict[str, object] = {
        "version": "1",
        "state": "joined",
        "phase": "joined",
        "for_seconds": 62.0,
        "uptime": 7300.0,
        "next_join_in": None,
        "joins": 1,
        "attempts": 2,
        "meeting": MeetingStatus(
            id="abcd-efgh-ijkl",
            participant_id="cam-1",
            name="Room [7]",
            peers=(PeerStatus(id="x", name="Viewer"),),
        ),
        "token": TokenStatus(expires_at=None),
        "producers": (ProducerStatus(id="p", kind="video", codec="h264", encodings=(ENCODING,)),),
        "captures": (
            CaptureView(
                kind="video",
                on=True,
                state="waiting",
                source="v4l2",
                restarts=2,
                problem=Problem(code="device.busy", message="/dev/video0 is busy"),
            ),
        ),
        "transport": TransportStatus(
            state="connected", round_trip_time=0.012, available_bitrate=None, bytes_sent=1, packets_sent=1
        ),
        "timing": TimingStatus(process_to_first_media=1.234, attempt_to_token=0.1, token_to_first_media=0.2),
        "health": (),
    }
    return Status(**(known | changes))


def shown(given: Status) -> str:
    out = io.StringIO()
    show(given, json=False, console=Console(file=out, width=120, highlight=False))
    return out.getvalue()


def test_a_person_reads_what_matters() -> None:
    text = shown(status())
    for part in (
        "joined for 1 min 2 s",
        "abcd-efgh-ijkl as Room [7]",
        "Viewer",
        "1280x720",
        "30.0",
        "1496",
        "5.0%",
        "round trip 12.0 ms",
        "/dev/video0 is busy",
        "1.23 s after the process started",
        "1 of 2 attempts, up 2 h 1 min",
    ):
        assert part in text


def test_what_is_wrong_is_shown_with_its_hint() -> None:
    condition = HealthStatus(
        code="network.dns", message="no name", hint="is the cable in?", severity="error", since=0.0
    )
    text = shown(status(state="waiting", next_join_in=7.0, health=(condition,), token=None, producers=()))
    assert "no name (network.dns, since" in text
    assert "is the cable in?" in text
    assert "in 7 s" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0 s"), (42, "42 s"), (185, "3 min 5 s"), (7620, "2 h 7 min"), (356400, "4 d 3 h")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text
