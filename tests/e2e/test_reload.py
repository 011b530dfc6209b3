"""New settings for a daemon that is in a meeting, as its operator and the server see them."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from edgemeet.control import Command
from edgemeet.errors import ControlError


def rewrite(folder: Path, old: str, new: str) -> None:
    """Mend the configuration as an editor does it: a new file in place of the old."""
    config = folder / "edgemeet.toml"
    text = config.read_text()
    assert old in text
    replacement = folder / "edgemeet.toml.new"
    replacement.write_text(text.replace(old, new))
    replacement.replace(config)


async def test_camera_size_and_log_level_in_the_same_meeting(
    sandbox: Any, start_device: Any, tmp_path: Path
) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    rewrite(tmp_path, "width = 640\nheight = 360", "width = 320\nheight = 180")
    rewrite(tmp_path, "[camera]", '[log]\nlevel = "warning"\n\n[camera]')
    answer = await asyncio.to_thread(device.control.reload)
    assert set(answer.applied) == {"camera.width", "camera.height", "log.level"}
    assert (answer.needs_restart, answer.rejoins) == ((), False)
    status = await device.expect(
        lambda s: any(p.kind == "video" and p.encodings[0].width == 320 for p in s.producers)
    )
    await sandbox.expect_media()
    assert (status.joins, status.attempts) == (1, 1)
    await device.tell(Command.MUTE)
    await sandbox.expect_media({"video"})
    assert "POST /v1/reload" in device.log
    assert "POST /v1/mute" not in device.log


async def test_a_new_name_joins_again(sandbox: Any, start_device: Any, tmp_path: Path) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    rewrite(tmp_path, "Front door", "Back door")
    assert (await asyncio.to_thread(device.control.reload)).rejoins
    await device.expect(lambda s: s.joins == 2 and s.meeting.name == "Back door")
    await sandbox.expect_media()
    assert (await sandbox.participants())["front-door"]["name"] == "Back door"


async def test_a_hangup_turns_the_camera_off_and_on(sandbox: Any, start_device: Any, tmp_path: Path) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    rewrite(tmp_path, "entry_timeout = 20", "webcam = false")
    device.process.send_signal(signal.SIGHUP)
    await sandbox.expect_media({"audio"})
    rewrite(tmp_path, "webcam = false", "")
    device.process.send_signal(signal.SIGHUP)
    await sandbox.expect_media()
    assert (await device.expect(lambda s: s.state == "joined")).joins == 1


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("width = 640", "width = 641", "config.invalid"),
        ("[camera]", "[camera", "config.syntax"),
        ("fps = 15", "fps = 15\nfuture_key = true", "config.invalid"),
    ],
)
async def test_a_broken_file_changes_nothing(
    sandbox: Any, start_device: Any, tmp_path: Path, old: str, new: str, code: str
) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    before = await device.expect(lambda s: s.state == "joined")
    rewrite(tmp_path, "Front door", "Back door")
    rewrite(tmp_path, old, new)
    with pytest.raises(ControlError) as caught:
        await asyncio.to_thread(device.control.reload)
    assert caught.value.code == code
    status = await device.expect_problem(code)
    await sandbox.expect_media()
    assert status.meeting == before.meeting
    assert [p.id for p in status.producers] == [p.id for p in before.producers]
    rewrite(tmp_path, new, old)
    rewrite(tmp_path, "Back door", "Front door")
    await asyncio.to_thread(device.control.reload)
    await device.expect(lambda s: s.health == () and s.joins == 1)


async def test_what_needs_a_restart_says_so_until_it_is_taken_back(
    sandbox: Any, start_device: Any, tmp_path: Path
) -> None:
    device = await start_device(sandbox.url)
    await device.expect(lambda s: s.state == "joined")
    rewrite(tmp_path, 'participant_id = "front-door"', 'participant_id = "back-door"')
    assert (await asyncio.to_thread(device.control.reload)).needs_restart == ("meeting.participant_id",)
    await device.expect_problem("config.restart_needed")
    rewrite(tmp_path, 'participant_id = "back-door"', 'participant_id = "front-door"')
    assert (await asyncio.to_thread(device.control.reload)).needs_restart == ()
    await device.expect(lambda s: s.health == ())
