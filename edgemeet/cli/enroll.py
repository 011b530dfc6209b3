"""`edgemeet enroll`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final, cast, get_args

import typer

from edgemeet.config import ConfigMissing, Settings, load, participant_id
from edgemeet.config.identity import FILE_NAME as PARTICIPANT_ID
from edgemeet.errors import ControlError
from edgemeet.provisioning import DeviceIdentity, KeyType, enrol
from edgemeet.provisioning.identity import give_to_owner_of
from edgemeet.rest import new_client

_SETTINGS: Final = """\
in the configuration:

[meeting]
source = "provisioned"

[provisioning]
url = "{url}/v1/token"
auth = "identity\""""


def enroll_device(url: str, code: str, key: str, config: Path | None) -> None:
    """Enrol, and say what to write into the configuration.

    Raises:
        EdgemeetError: why it did not work; the same command may be given again.
    """
    if key not in get_args(KeyType):
        raise ControlError(
            f"--key must be one of {', '.join(get_args(KeyType))}", code="control.bad_argument"
        )
    settings = _settings(config)
    own_id = participant_id(settings)
    _give_away(settings.state_directory / PARTICIPANT_ID)
    identity = asyncio.run(_enrol(url, code, cast("KeyType", key), settings, own_id))
    typer.echo(f"enrolled as {identity.device_id}; the key is {identity.key.public.thumbprint}")
    typer.echo(_SETTINGS.format(url=identity.url))


def _settings(config: Path | None) -> Settings:
    """Those there are: before the enrolment there may be no configuration.

    One that cannot be used is an error: it may hold the participant id that the server has to know.
    """
    try:
        return load(config)
    except ConfigMissing:
        if config is not None:
            raise
        return _bare()


def _bare() -> Settings:
    from edgemeet.config.directories import directories

    return Settings.model_validate(
        {given.path[0]: given.value for given in directories(os.environ, uid=os.geteuid())}
    )


async def _enrol(url: str, code: str, kind: KeyType, settings: Settings, own_id: str) -> DeviceIdentity:
    async with new_client(ca_file=settings.provisioning.ca_file) as client:
        return await enrol(
            client,
            url,
            code,
            participant_id=own_id,
            state_directory=settings.state_directory,
            kind=kind,
            timeout=settings.provisioning.timeout,
        )


def _give_away(file: Path) -> None:
    """Root has just made it; the service's user must be able to read it."""
    if os.geteuid() != 0 or not file.is_file():
        return
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        give_to_owner_of(file.parent, descriptor)
    finally:
        os.close(descriptor)
