"""`edgemeet snapshot` writes whole pictures or none."""

import stat
from pathlib import Path

import pytest

from edgemeet.cli.snapshot import save
from edgemeet.errors import ControlError


def test_a_new_file_and_its_replacement(tmp_path: Path) -> None:
    file = tmp_path / "door.jpg"
    save(b"one", file)
    assert file.read_bytes() == b"one"
    save(b"two", file)
    assert file.read_bytes() == b"two"
    assert stat.S_IMODE(file.stat().st_mode) & 0o444 == 0o444
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_replaced_is_written_to(tmp_path: Path) -> None:
    save(b"gone", Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def test_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    save(b"\xff\xd8", Path("-"))
    assert capfdbinary.readouterr().out == b"\xff\xd8"


def test_a_folder_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught:
        save(b"one", tmp_path / "absent" / "door.jpg")
    assert caught.value.code == "control.file"
    assert "No such file or directory" in caught.value.message
