"""Who this device is: a participant id that stays the same for its life."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edgemeet.config.settings import Settings
from edgemeet.config.values import is_url_safe
from edgemeet.errors import ConfigError

logger = logging.getLogger(__name__)

FILE_NAME = "participant-id"
MACHINE_ID = Path("/etc/machine-id")

_PREFIX = "edgemeet-"
_RANDOM_BYTES = 8  # ids must differ among the devices of one account; 64 bits do for 10 million of them
_ASIDE = ".unusable"  # as `edgemeet.state` calls what cannot be used
_LARGEST = 1024  # bytes; no id has more


def participant_id(
    settings: Settings,
    *,
    random_hex: Callable[[int], str] = secrets.token_hex,
    machine_id: Path = MACHINE_ID,
) -> str:
    """The configured id, or else the one in the state directory, which is made and kept at the first call.

    Where it cannot be kept it is made from the machine's id instead: stable as well, but two devices
    with copies of one SD card have the same. The machine's id itself is not shown, as machine-id(5) asks.
    A file that holds no id is set aside as `participant-id.unusable`.

    Raises:
        ConfigError: config.no_participant_id: it cannot be kept, and the machine has no id.
    """
    if settings.meeting.participant_id is not None:
        return settings.meeting.participant_id
    file = settings.state_directory / FILE_NAME
    try:
        return _kept(file) or _keep(file, _PREFIX + random_hex(_RANDOM_BYTES))
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
    own = _from_machine(machine_id)
    if own is None:
        raise ConfigError(
            f"there is no place for the participant id: {file}: {reason}",
            code="config.no_participant_id",
            hint="set meeting.participant_id, or state_directory to a folder that can be written",
        )
    logger.warning(
        "the participant id is made from %s: it cannot be kept in %s: %s", machine_id, file, reason
    )
    return own


def _kept(file: Path) -> str | None:
    """The id in the file; None when there is none, or none that is whole, as after a power cut."""
    try:
        with file.open("rb") as opened:
            text = opened.read(_LARGEST).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None
    return text if is_url_safe(text) else None


def _keep(file: Path, new: str) -> str:
    """Write the id; when another process was faster, its id counts."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()  # left by a process of the same number that was killed here
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as opened:
            opened.write(new + "\n")
            opened.flush()
            os.fsync(descriptor)
        return _put(temporary, file, new)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _put(temporary: Path, file: Path, new: str) -> str:
    try:
        os.link(temporary, file)  # unlike a rename it never replaces
    except FileExistsError:
        winner = _kept(file)
        if winner is not None:
            return winner
        _set_aside(file)
        temporary.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # the name outlives a power cut too
    finally:
        os.close(directory)
    return new


def _set_aside(file: Path) -> None:
    """What is no id may tell a person what happened to it, and who the device was."""
    aside = file.with_name(file.name + _ASIDE)
    logger.warning("%s holds no participant id and is set aside as %s; another one is made", file, aside.name)
    with suppress(OSError):
        file.replace(aside)


def _from_machine(machine_id: Path) -> str | None:
    try:
        text = machine_id.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    if not text or text == "uninitialized":  # machine-id(5): before the first boot is complete
        return None
    digest = hashlib.sha256(b"edgemeet participant id\0" + text.encode()).hexdigest()
    return _PREFIX + digest[: 2 * _RANDOM_BYTES]
