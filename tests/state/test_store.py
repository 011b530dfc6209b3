# What the files look like is read as any other process would: ASYNC240 has nothing to win here.
# ruff: noqa: ASYNC240
import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from edgemeet.errors import StateError
from edgemeet.state import StateStore
from edgemeet.state.store import LARGEST


class Note(BaseModel):
    text: str
    number: int = 0


class Other(BaseModel):
    text: int


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


async def test_what_is_kept_is_read_by_the_next_process(folder: Path) -> None:
    assert await StateStore(folder).keep("note", Note(text="grüße", number=7))
    assert await StateStore(folder).read("note", Note) == Note(text="grüße", number=7)
    file = folder / "note.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [entry.name for entry in folder.iterdir()] == ["note.json"], "nothing else is left behind"


async def test_the_last_one_counts_and_a_forgotten_one_is_gone(folder: Path) -> None:
    store = StateStore(folder)
    await store.keep("note", Note(text="one"))
    await store.keep("note", Note(text="two"))
    assert await store.read("note", Note) == Note(text="two")
    await store.forget("note")
    assert await store.read("note", Note) is None
    await store.forget("note")


async def test_the_disk_has_it_before_the_name_points_to_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noting_fsync(descriptor: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noting_replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    await StateStore(folder).keep("note", Note(text="x"))
    assert order == ["file", "rename", "folder"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 512,
        b"not json",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'"' + b"x" * LARGEST + b'"',
        json.dumps({"document": "other", "version": 1, "sha256": "", "data": "{}"}).encode(),
        json.dumps({"document": "note", "version": 2, "sha256": "", "data": "{}"}).encode(),
        json.dumps({"document": "note", "version": 1, "sha256": "0" * 64, "data": "{}"}).encode(),
        json.dumps({"document": "note", "version": 1, "sha256": "0" * 64, "data": "\ud800"}).encode(),
    ],
    ids=[
        "empty",
        "zeros",
        "text",
        "list",
        "no envelope",
        "no text",
        "deep",
        "too large",
        "another document",
        "a later version",
        "another sum",
        "half a sign",
    ],
)
async def test_a_torn_or_foreign_file_is_set_aside_and_the_next_is_kept(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "note.json").write_bytes(content)
    store = StateStore(folder)
    assert await store.read("note", Note) is None
    assert (folder / "note.json.unusable").read_bytes() == content
    assert await store.keep("note", Note(text="new"))
    assert await store.read("note", Note) == Note(text="new")


async def test_a_document_of_other_fields_is_set_aside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = StateStore(folder)
    await store.keep("note", Note(text="eyJ-a-secret"))
    assert await store.read("note", Other) is None
    assert (folder / "note.json.unusable").exists()
    assert "eyJ-a-secret" not in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(cut=st.integers(0, 200), flip=st.integers(0, 10_000))
async def test_no_cut_and_no_flipped_bit_gives_another_document(tmp_path: Path, cut: int, flip: int) -> None:
    store, file = StateStore(tmp_path), tmp_path / "note.json"
    await store.keep("note", Note(text="the meeting", number=3))
    whole = bytearray(file.read_bytes())
    torn = whole[: len(whole) - 1 - cut % len(whole)]
    file.write_bytes(torn)
    assert await store.read("note", Note) is None
    whole[flip % len(whole)] ^= 1 << (flip % 8)
    file.write_bytes(whole)
    assert await store.read("note", Note) in (None, Note(text="the meeting", number=3))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
async def test_a_disk_that_cannot_be_written_is_told_and_survived(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    faults: list[StateError | None] = []
    store = StateStore(folder, on_fault=faults.append)
    await store.keep("note", Note(text="old"))

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        assert not await store.keep("note", Note(text="new"))
    fault = faults[-1]
    assert fault is not None
    assert fault.code == "state.unwritable"
    assert str(folder) in fault.message
    assert await store.read("note", Note) == Note(text="old"), "the old one is untouched"
    assert sorted(entry.name for entry in folder.iterdir()) == ["note.json"]
    assert await store.keep("note", Note(text="new"))
    assert faults[-1] is None, "and it is over"


async def test_a_folder_that_is_a_file_is_survived(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x")
    store = StateStore(tmp_path / "state")
    assert not await store.keep("note", Note(text="x"))
    assert await store.read("note", Note) is None
