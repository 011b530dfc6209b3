"""What goes to a broker, from statuses; a real one is in tests/operator."""

from __future__ import annotations

import json

import pytest

from edgemeet.control import CaptureView, Command, MeetingStatus, Status, TimingStatus
from edgemeet.telemetry.home_assistant import discovery, summary
from edgemeet.telemetry.mqtt import MqttOptions, command_of

STATUS = Status(
    version="1",
    state="waiting",
    phase=None,
    for_seconds=0,
    uptime=1,
    next_join_in=1,
    joins=1,
    attempts=1,
    meeting=MeetingStatus(id=None, participant_id="cam-1", name=None),
    token=None,
    producers=(),
    captures=(
        CaptureView(kind="video", on=True, state="running"),
        CaptureView(kind="audio", on=False, state="off"),
    ),
    transport=None,
    timing=TimingStatus(process_to_first_media=None, attempt_to_token=None, token_to_first_media=None),
    health=(),
)


@pytest.mark.parametrize(
    ("topic", "payload", "command"),
    [
        ("e/c/set/microphone", b"ON", Command.UNMUTE),
        ("e/c/set/microphone", b" off\n", Command.MUTE),
        ("e/c/set/camera", b"OFF", Command.CAMERA_OFF),
        ("e/c/set/meeting", b"LEAVE", Command.LEAVE),
        ("e/c/set/meeting", b"", None),
        ("e/c/set/meeting", b"ON", None),
        ("e/c/set/camera/off", b"ON", None),
        ("e/other/set/meeting", b"LEAVE", None),
        ("e/c/set/meeting", b"LEAVE" + b" " * 100, None),
        ("e/c/set/meeting", b"\xff\xfe", None),
    ],
)
def test_commands(topic: str, payload: bytes, command: Command | None) -> None:
    assert command_of("e/c", topic, payload) is command


def test_the_summary_is_flat() -> None:
    told = summary(STATUS).model_dump()
    assert all(not isinstance(value, dict | list | tuple) for value in told.values())
    assert (told["microphone"], told["camera"], told["health"], told["bitrate"]) == ("OFF", "ON", "ok", 0)


@pytest.mark.parametrize(("commands", "pictures"), [(False, False), (True, False), (False, True)])
def test_what_is_not_obeyed_is_not_offered(commands: bool, pictures: bool) -> None:
    text = json.dumps(discovery("e/c", "c", STATUS, commands=commands, pictures=pictures))
    assert ("command_topic" in text) is commands
    assert ("e/c/snapshot" in text) is pictures


def test_the_password_is_not_shown() -> None:
    options = MqttOptions(host="h", port=1, participant_id="c", password="a-word-nobody-may-see")  # type: ignore[arg-type]  # repr hides it either way
    assert "nobody-may-see" not in repr(options)
