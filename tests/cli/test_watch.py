"""What `edgemeet watch` draws and `edgemeet wait` waits for, from statuses; the real ones are in e2e."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rigging.statuses import ENCODING

from edgemeet.cli.sparkline import sparkline
from edgemeet.cli.wait import reached, wait_for
from edgemeet.cli.watch import follow, line, picture, write_svg
from edgemeet.control import (
    CaptureView,
    HealthStatus,
    MeetingStatus,
    ProducerStatus,
    Sample,
    Stats,
    Status,
    TimingStatus,
)
from edgemeet.errors import ControlError

CAMERA = CaptureView(kind="video", on=True, state="running")
MICROPHONE = CaptureView(kind="audio", on=True, state="running")
VIDEO = ProducerStatus(id="v", kind="video", codec="h264", encodings=(ENCODING,))
AUDIO = ProducerStatus(id="a", kind="audio", codec="opus", encodings=(ENCODING,))
JOINED = Status(
    version="1",
    state="joined",
    phase=None,
    for_seconds=62,
    uptime=100,
    next_join_in=None,
    joins=1,
    attempts=1,
    meeting=MeetingStatus(id="a-b-c", participant_id="cam-1", name="Room [7]"),
    token=None,
    producers=(VIDEO, AUDIO),
    captures=(CAMERA, MICROPHONE),
    transport=None,
    timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
    health=(
        HealthStatus(
            code="device.silent", message="hears [nothing]", severity="warning", since=1.0, hint="h"
        ),
    ),
)
SAMPLES = tuple(
    Sample(
        at=float(second),
        state="joined",
        bitrate=1000.0 * second,
        available_bitrate=None,
        frames_per_second=29.5,
        round_trip_time=0.03,
        fraction_lost=0.0,
        audio_level=-31,
    )
    for second in range(200)
)


class Daemon:
    def __init__(self, *answers: Status | ControlError) -> None:
        self.answers = list(answers)

    def status(self) -> Status:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ControlError):
            raise answer
        return answer

    def stats(self) -> Stats:
        return Stats(interval=1.0, samples=SAMPLES)


@pytest.mark.parametrize(
    ("values", "width", "top", "drawn"),
    [
        ((), 3, None, "   "),
        ((0.0, 0.0), 2, None, "▁▁"),
        ((0.0, 4.0, 8.0), 3, None, "▁▅█"),
        ((1.0, None, 1.0), 4, None, " █ █"),
        ((9.0, 1.0, 2.0), 2, None, "▅█"),
        ((0.5, 5.0), 2, 1.0, "▅█"),
        ((-1.0, 1.0), 2, None, "▁█"),
        ((1.0,), 0, None, ""),
    ],
)
def test_curves(values: tuple[float | None, ...], width: int, top: float | None, drawn: str) -> None:
    assert sparkline(values, width, top=top) == drawn


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_picture_tells_everything_in_any_width(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(picture(JOINED, Stats(interval=1.0, samples=SAMPLES), width))
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        for told in ("joined for 1 min 2 s", "Room [7]", "199 kb/s", "29.5 /s", "hears [nothing]", "▇█"):
            assert told in text


def test_no_colour_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    console.print(picture(JOINED, Stats(interval=1.0, samples=SAMPLES), 100))
    assert "\x1b[32m" not in console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO


def test_a_line_for_pipes() -> None:
    told = line(JOINED, SAMPLES[-1])
    assert "joined bitrate=199kb/s pictures=29.5/s round_trip=30.0ms lost=0.0% sound=-31dB" in told
    assert told.endswith("device.silent")


def test_without_a_daemon_it_says_so() -> None:
    with pytest.raises(ControlError):
        follow(Daemon(ControlError("none", code="control.not_running")))


def test_a_picture_is_written_and_asks_no_server(tmp_path: Path) -> None:
    write_svg(Daemon(JOINED), tmp_path / "watch.svg")
    drawn = (tmp_path / "watch.svg").read_text()
    assert drawn.startswith("<svg")
    assert "edgemeet" in drawn
    assert "url(" not in drawn.replace("url(#", "")
    with pytest.raises(ControlError) as caught:
        write_svg(Daemon(JOINED), tmp_path / "no" / "watch.svg")
    assert caught.value.code == "control.file"


SILENT = AUDIO.model_copy(update={"encodings": (ENCODING.model_copy(update={"bitrate": 0.0}),)})


@pytest.mark.parametrize(
    ("changes", "goal", "so"),
    [
        ({}, "joined", True),
        ({}, "media", True),
        ({}, "left", False),
        ({"state": "left"}, "left", True),
        ({"state": "left"}, "joined", False),
        ({"state": "joining"}, "media", False),
        ({"producers": (VIDEO,)}, "media", False),
        ({"producers": (VIDEO, SILENT)}, "media", False),
        ({"producers": ()}, "media", False),
        ({"producers": (VIDEO,), "captures": (CAMERA,)}, "media", True),
    ],
)
def test_what_is_reached(changes: dict[str, object], goal: str, so: bool) -> None:
    assert reached(JOINED.model_copy(update=changes), goal) is so


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.001)


def test_a_daemon_that_starts_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    gone = ControlError("none", code="control.not_running")
    daemon = Daemon(gone, gone, JOINED.model_copy(update={"state": "joining"}), JOINED)
    wait_for(daemon, "joined", 10, json=False, clock=clock, sleep=clock.sleep)
    assert capsys.readouterr().out == "joined\n"
    assert 0.5 < clock.now < 1.0


def test_the_wait_has_an_end_and_says_why() -> None:
    clock = Clock()
    held = JOINED.model_copy(update={"state": "held"})
    with pytest.raises(ControlError, match="it is held") as caught:
        wait_for(Daemon(held), "joined", 10, json=False, clock=clock, sleep=clock.sleep)
    assert (caught.value.code, caught.value.hint) == ("control.timeout", "hears [nothing]")
    assert 10 <= clock.now < 11


def test_who_may_not_ask_does_not_wait() -> None:
    clock = Clock()
    with pytest.raises(ControlError) as caught:
        wait_for(Daemon(ControlError("no", code="control.forbidden")), "left", 9, json=False, clock=clock)
    assert (caught.value.code, clock.now) == ("control.forbidden", 0.0)
