from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from edgemeet.config import Meeting, Settings, participant_id
from edgemeet.errors import ConfigError


def at(state: Path) -> Settings:
    return Settings(state_directory=state)


def test_a_configured_id_is_taken_and_nothing_is_written(tmp_path):
    settings = Settings(meeting=Meeting(participant_id="camera-1"), state_directory=tmp_path)
    assert participant_id(settings) == "camera-1"
    assert list(tmp_path.iterdir()) == []


def test_an_id_is_made_once_and_kept_for_us_alone(tmp_path):
    state = tmp_path / "a" / "b"
    first = participant_id(at(state), random_hex=lambda count: "5" * 2 * count)
    assert first == "edgemeet-5555555555555555"
    assert participant_id(at(state), random_hex=lambda _: pytest.fail("made again")) == first
    assert (state / "participant-id").read_text() == first + "\n"
    assert (state / "participant-id").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in state.iterdir()] == ["participant-id"]


def test_two_devices_differ(tmp_path):
    ids = {participant_id(at(tmp_path / name)) for name in "abcd"}
    assert len(ids) == 4
    assert all(re.fullmatch(r"edgemeet-[0-9a-f]{16}", one) for one in ids)


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 30, b"a b", b"\xff\xfe", b"x" * 2000])
def test_a_file_that_holds_no_id_is_set_aside(tmp_path, content, caplog):
    (tmp_path / "participant-id").write_bytes(content)
    made = participant_id(at(tmp_path))
    assert made.startswith("edgemeet-")
    assert participant_id(at(tmp_path)) == made
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["participant-id", "participant-id.unusable"]
    assert (tmp_path / "participant-id.unusable").read_bytes() == content
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_an_id_that_a_person_wrote_is_kept(tmp_path):
    (tmp_path / "participant-id").write_text("front-door\r\n")
    assert participant_id(at(tmp_path)) == "front-door"


def test_what_a_killed_process_left_is_no_hindrance(tmp_path):
    (tmp_path / f".participant-id.{os.getpid()}").write_text("half")
    assert participant_id(at(tmp_path)).startswith("edgemeet-")
    assert [entry.name for entry in tmp_path.iterdir()] == ["participant-id"]


def test_the_first_of_two_processes_wins(tmp_path):
    def meanwhile(count: int) -> str:
        (tmp_path / "participant-id").write_text("of-the-other\n")
        return "0" * 2 * count

    assert participant_id(at(tmp_path), random_hex=meanwhile) == "of-the-other"
    assert [entry.name for entry in tmp_path.iterdir()] == ["participant-id"]


def unwritable(tmp_path: Path) -> Path:
    """A state directory that not even root can make."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "state"


def test_without_a_place_the_id_comes_from_the_machine_and_does_not_show_it(tmp_path, caplog):
    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    settings = at(unwritable(tmp_path))
    made = participant_id(settings, machine_id=machine_id)
    assert made == participant_id(settings, machine_id=machine_id)
    assert re.fullmatch(r"edgemeet-[0-9a-f]{16}", made)
    assert made.removeprefix("edgemeet-") not in machine_id.read_text()
    assert "cannot be kept in" in caplog.text
    machine_id.write_text("f123456789abcdef0123456789abcdef\n")
    assert participant_id(settings, machine_id=machine_id) != made


@pytest.mark.parametrize("content", [None, "", "\n", "uninitialized\n"])
def test_without_a_place_and_a_machine_id_a_person_must_help(tmp_path, content):
    machine_id = tmp_path / "machine-id"
    if content is not None:
        machine_id.write_text(content)
    with pytest.raises(ConfigError, match="there is no place for the participant id") as raised:
        participant_id(at(unwritable(tmp_path)), machine_id=machine_id)
    assert raised.value.code == "config.no_participant_id"
    assert "meeting.participant_id" in (raised.value.hint or "")


def test_a_disk_that_fills_up_leaves_no_half_id(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    machine_id = tmp_path / "machine-id"
    machine_id.write_text("0123456789abcdef0123456789abcdef\n")
    state = tmp_path / "state"
    monkeypatch.setattr(os, "fsync", full)
    assert participant_id(at(state), machine_id=machine_id).startswith("edgemeet-")
    assert list(state.iterdir()) == []
