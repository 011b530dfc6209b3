"""Questions from the meeting, without one; with a meeting in tests/operator."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import random

import pytest
from PIL import Image

from edgemeet.control import Command, MeetingStatus, Status, TimingStatus
from edgemeet.errors import DeviceFailed, ServerError, SignalingLost
from edgemeet.telemetry import remote_hands
from edgemeet.telemetry.remote_hands import LARGEST_PICTURE, WAITING, RemoteHands, question_of, small_picture

STATUS = Status(
    version="1",
    state="joined",
    phase=None,
    for_seconds=0,
    uptime=1,
    next_join_in=None,
    joins=1,
    attempts=1,
    meeting=MeetingStatus(id="a-b-c", participant_id="cam-1", name=None),
    token=None,
    producers=(),
    captures=(),
    transport=None,
    timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
    health=(),
)


class Daemon:
    def __init__(self) -> None:
        self.told: list[Command] = []
        self.picture: bytes | None = None

    def status(self) -> Status:
        return STATUS

    def command(self, command: Command) -> None:
        self.told.append(command)

    async def snapshot(self) -> bytes:
        if self.picture is None:
            raise DeviceFailed("the camera is off", code="snapshot.camera_off")
        return self.picture


class Meeting:
    def __init__(self) -> None:
        self.topics: list[str] = []
        self.said: list[tuple[str, dict[str, object], tuple[str, ...]]] = []
        self.refuses = False

    async def subscribe(self, topic: str) -> None:
        if self.refuses:
            raise ServerError("no pubsub here")
        self.topics.append(topic)

    async def publish(self, topic: str, message: str, *, to: tuple[str, ...] = ()) -> None:
        self.said.append((topic, json.loads(message), to))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_hands, "PAUSE", 0.0)


async def answers(daemon: Daemon, *questions: str, sender: str = "host") -> list[dict[str, object]]:
    hands, meeting = RemoteHands("cam-1", frozenset({"host"}), lambda: daemon), Meeting()
    attending = asyncio.create_task(hands.attend(meeting))
    await asyncio.sleep(0)
    assert meeting.topics == ["edgemeet/cam-1/cmd"]
    for question in questions:
        hands.message("edgemeet/cam-1/cmd", sender, question)
    for _ in range(100):
        await asyncio.sleep(0.001)
    attending.cancel()
    await asyncio.gather(attending, return_exceptions=True)
    assert all(topic == "edgemeet/cam-1/reply" and to == (sender,) for topic, _, to in meeting.said)
    return [said for _, said, _ in meeting.said]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("status", "status"),
        ('{"id": 7, "command": "mute"}', "mute"),
        ('{"command": "unmute"}', None),
        ("leave", None),
        ("", None),
        ("{", None),
        ('{"id": {}, "command": "status"}', None),
        ("{" + "x" * 1000, None),
    ],
    ids=("word", "document", "unmute", "leave", "nothing", "half", "id", "long"),
)
def test_questions(text: str, command: str | None) -> None:
    found = question_of(text)
    assert (found.command if found else None) == command


async def test_what_is_asked_is_answered() -> None:
    daemon = Daemon()
    status, mute, unknown, picture, rejoin = await answers(
        daemon, '{"id": "a", "command": "status"}', "mute", "explode", "snapshot", "rejoin"
    )
    assert (status["id"], status["ok"], status["data"]["state"]) == ("a", True, "joined")  # type: ignore[index]  # JSON
    assert (mute["ok"], unknown["ok"], rejoin["ok"]) == (True, False, True)
    assert (picture["ok"], picture["error"]) == (False, "the camera is off")
    assert daemon.told == [Command.MUTE, Command.REJOIN]


async def test_others_are_not_answered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    daemon = Daemon()
    assert await answers(daemon, "mute", "rejoin", sender="stranger") == []
    assert daemon.told == []
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1


async def test_a_flood_is_dropped() -> None:
    daemon = Daemon()
    assert len(await answers(daemon, *["mute"] * 50)) == WAITING


async def test_a_server_without_pubsub_is_no_reason_to_leave() -> None:
    meeting = Meeting()
    meeting.refuses = True
    await RemoteHands("cam-1", frozenset({"host"}), Daemon).attend(meeting)


async def test_the_end_of_the_meeting_is_passed_on() -> None:
    class Ended(Meeting):
        async def subscribe(self, topic: str) -> None:
            raise SignalingLost("gone")

    with pytest.raises(SignalingLost):
        await RemoteHands("cam-1", frozenset({"host"}), Daemon).attend(Ended())


def test_pictures_fit_into_a_message() -> None:
    noise = Image.frombytes("RGB", (640, 360), random.Random(1).randbytes(640 * 360 * 3))
    file = io.BytesIO()
    noise.save(file, "JPEG", quality=95)
    text = small_picture(file.getvalue())
    assert len(text) <= LARGEST_PICTURE
    with Image.open(io.BytesIO(base64.b64decode(text))) as made:
        assert made.width >= 160
