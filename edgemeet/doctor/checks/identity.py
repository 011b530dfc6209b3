"""Who the device is to its provisioning server."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from edgemeet.doctor.findings import Finding, Outcome, failed, skipped, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine
from edgemeet.errors import AuthError
from edgemeet.provisioning import DeviceIdentity, identity_file, load_identity
from edgemeet.rest import origin


async def identity(machine: Machine, _: Journey) -> Finding:
    """The device is enrolled with the server that it asks, and nobody else can read its key."""
    settings = machine.settings
    if settings is None:
        return skipped("there is no configuration that can be used")
    if settings.provisioning.auth != "identity":
        return well(f'none is needed: provisioning.auth is "{settings.provisioning.auth}"')
    file = settings.provisioning.identity_file or identity_file(settings.state_directory)
    try:
        found, is_open = await asyncio.to_thread(_look, file)
    except AuthError as error:
        return failed(error, "`edgemeet enroll` makes the identity")
    if is_open:
        return wrong(
            Outcome.WARNING,
            "identity.readable",
            f"other users of this machine can read the device's private key in {file}",
            f"chmod go= {file}, and enrol anew if somebody may have read it",
        )
    if settings.provisioning.url and origin(settings.provisioning.url) != found.url:
        return wrong(
            Outcome.WARNING,
            "identity.other_server",
            f"the device is enrolled at {found.url} and asks {origin(settings.provisioning.url)}",
            "enrol at the server that provisioning.url names, if they are not one",
        )
    key = found.key.public
    return well(f"enrolled at {found.url} as {found.device_id}, key {key.thumbprint} ({key.algorithm})")


def _look(file: Path) -> tuple[DeviceIdentity, bool]:
    found = load_identity(file)
    return found, bool(file.stat().st_mode & (stat.S_IRWXO | stat.S_IRWXG))
