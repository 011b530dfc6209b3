"""Who this device is to its provisioning server: a name that the server gave, and a key of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from edgemeet.errors import AuthError, ConfigError
from edgemeet.provisioning.device_key import DeviceKey

FILE_NAME: Final = "device-identity.json"
PENDING_NAME: Final = "device-identity.pending.json"
CREDENTIAL: Final = "device-identity"  # its name among systemd's credentials
LARGEST: Final = 16_384  # bytes; an honest one has below 600
_HINT: Final = (
    "`edgemeet enroll --url ... --code ...` makes it; the provisioning server's operator has the code."
)


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """An enrolled device.

    Attributes:
        device_id: the name by which the server knows it.
        url: where it enrolled.
        key: its private key.
    """

    device_id: str
    url: str
    key: DeviceKey


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    device_id: str = Field(pattern=r"^[A-Za-z0-9._~-]{0,128}$")  # empty while enrolment has not ended
    url: str = Field(max_length=2048)
    private_key: SecretStr


def identity_file(state_directory: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the identity is: systemd's credential ``device-identity`` if there is one, else the state."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if directory and (credential := Path(directory, CREDENTIAL)).is_file():
        return credential
    return state_directory / FILE_NAME


def load_identity(file: Path) -> DeviceIdentity:
    """The identity in ``file``.

    Raises:
        AuthError: ``identity.missing``, ``identity.unreadable`` or ``identity.damaged``.
    """
    found = _read(file)
    if found is None:
        raise AuthError(
            f"this device is not enrolled: there is no {file}", code="identity.missing", hint=_HINT
        )
    if not found.device_id:
        raise _damaged(file)
    return found


def load_pending(file: Path) -> DeviceIdentity | None:
    """The key of an enrolment that was begun and not ended; None when there is none that can be used."""
    try:
        return _read(file)
    except AuthError:
        return None


def save_identity(file: Path, identity: DeviceIdentity) -> None:
    """Write it whole or not at all, for the owner alone; it outlives a power cut.

    When root writes into a directory of another user's, such as the service's, the file is that user's.

    Raises:
        ConfigError: ``identity.unwritable``.
    """
    kept = {"device_id": identity.device_id, "url": identity.url, "private_key": identity.key.to_pem()}
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(file, json.dumps(kept, indent=1).encode("ascii"))
    except OSError as error:
        raise ConfigError(
            f"the identity cannot be kept in {file.parent}: {os.strerror(error.errno or 0).lower()}",
            code="identity.unwritable",
            hint="Run it as root or as the user of the service, or set state_directory.",
        ) from error


def _read(file: Path) -> DeviceIdentity | None:
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuthError(
            f"the identity {file} cannot be read: {os.strerror(error.errno or 0).lower()}",
            code="identity.unreadable",
            hint="It has to belong to the user that the daemon runs as.",
        ) from error
    try:
        kept = _Kept.model_validate_json(content)
        return DeviceIdentity(
            kept.device_id, kept.url, DeviceKey.from_pem(kept.private_key.get_secret_value())
        )
    except (ValidationError, ValueError):
        raise _damaged(file) from None


def _damaged(file: Path) -> AuthError:
    return AuthError(f"the identity {file} is damaged", code="identity.damaged", hint=f"Enrol anew: {_HINT}")


def _replace(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()  # left by a process of the same number that was killed here
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            give_to_owner_of(file.parent, descriptor)
            os.fsync(descriptor)
        temporary.replace(file)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def give_to_owner_of(directory: Path, descriptor: int) -> None:
    """Root gives an open file to whoever owns ``directory``; for others this does nothing."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
