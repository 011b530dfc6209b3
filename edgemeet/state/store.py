"""Small documents that outlive the process and the power: whole, or as if they were not there.

A document is a JSON file with a checksum in it, readable by its owner alone. It is written beside its place,
flushed to the disk and renamed, so that a power cut leaves the old one or the new one. What cannot be read
as a document of ours (torn, edited, written by a later version) is set aside under another name, for a
person to look at, and counts as absent. A disk that is full or cannot be written costs what was to be
remembered, never the meeting.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from edgemeet.errors import StateError

logger = logging.getLogger(__name__)

VERSION: Final = 1
LARGEST: Final = 262_144  # bytes; as much as an answer over HTTP may have
ASIDE: Final = ".unusable"

Model = TypeVar("Model", bound=BaseModel)


class StateStore:
    """The documents of one state directory, by name.

    Args:
        directory: where they lie; it is made when something is first kept.
        on_fault: told why something could not be kept, and None as soon as something could be again.
    """

    def __init__(
        self, directory: Path, *, on_fault: Callable[[StateError | None], None] = lambda _: None
    ) -> None:
        self._directory = directory
        self._on_fault = on_fault
        self._writing = asyncio.Lock()  # two writes of one name must not meet at its temporary file

    async def read(self, name: str, model: type[Model]) -> Model | None:
        """The document `name`, or None where there is none that can be used. Never raises."""
        return await asyncio.to_thread(self._read, name, model)

    async def keep(self, name: str, document: BaseModel) -> bool:
        """Keep `document` as `name`; False where that failed, which `on_fault` is told. Never raises."""
        async with self._writing:
            try:
                await asyncio.to_thread(self._write, name, document)
            except OSError as error:
                reason = os.strerror(error.errno or 0).lower()
                self._on_fault(
                    StateError(
                        f"nothing can be remembered in {self._directory}: {reason}",
                        hint="free space on the disk, or let state_directory name a folder that the daemon "
                        "can write; until then a restart knows only the configuration",
                    )
                )
                return False
        self._on_fault(None)
        return True

    async def forget(self, name: str) -> None:
        """Take the document `name` away, if it is there. Never raises."""
        async with self._writing:
            await asyncio.to_thread(self._unlink, self._path(name))

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"

    def _read(self, name: str, model: type[Model]) -> Model | None:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            logger.warning("%s cannot be read: %s", path, os.strerror(error.errno or 0).lower())
            return None
        try:
            return model.model_validate_json(_opened(text, name))
        except (ValueError, RecursionError) as error:
            self._set_aside(path, _why(error))
            return None

    def _set_aside(self, path: Path, why: str) -> None:
        aside = path.with_name(path.name + ASIDE)
        logger.warning("%s cannot be used (%s) and is set aside as %s", path, why, aside.name)
        with suppress(OSError):  # on a disk that cannot be written it stays, and is passed over again
            path.replace(aside)

    def _write(self, name: str, document: BaseModel) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(name)
        temporary = path.with_name(f".{path.name}.new")
        self._unlink(temporary)  # left by a process that was killed here
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(_closed(document, name))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            self._unlink(temporary)
            raise
        folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # the name outlives a power cut too
        finally:
            os.close(folder)

    @staticmethod
    def _unlink(path: Path) -> None:
        with suppress(OSError):
            path.unlink()


def _closed(document: BaseModel, name: str) -> bytes:
    data = document.model_dump_json()
    envelope = {"document": name, "version": VERSION, "sha256": _digest(data), "data": data}
    return json.dumps(envelope).encode()


def _opened(text: bytes, name: str) -> str:
    """The document inside; ValueError where it is not whole, or not ours."""
    if len(text) > LARGEST:
        raise ValueError("it is too large")
    envelope = json.loads(text)
    if not isinstance(envelope, dict) or envelope.get("document") != name:
        raise ValueError("it is another document")
    if envelope.get("version") != VERSION:
        raise ValueError("it was written by another version")
    data = envelope.get("data")
    if not isinstance(data, str) or envelope.get("sha256") != _digest(data):
        raise ValueError("it is not whole")
    return data


def _digest(data: str) -> str:
    return hashlib.sha256(data.encode(errors="surrogatepass")).hexdigest()


def _why(error: Exception) -> str:
    """In a few words, and never with what the document holds: it may be a token."""
    if isinstance(error, ValidationError):
        return "its fields are not those of this version"
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return "it is not JSON"
    return str(error)
