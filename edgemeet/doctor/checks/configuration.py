"""The configuration, and who can read the secrets in it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from edgemeet.config.keys import keys
from edgemeet.config.toml_files import drop_in_layers, toml_layer
from edgemeet.doctor.findings import Finding, Outcome, failed, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine

CREDENTIAL_STORES = ("/etc/credstore", "/etc/credstore.encrypted")


async def config(machine: Machine, _: Journey) -> Finding:
    """There is one and it can be used."""
    if machine.config_error is not None:
        return failed(machine.config_error, "docs/configuration.md lists every key")
    return well(f"{machine.config_file} is good")


async def credentials(machine: Machine, _: Journey) -> tuple[Finding, ...]:
    """Nobody but root and the daemon can read a secret."""
    files = dict.fromkeys(_files_with_secrets(machine))
    found = tuple(_open_to_others(file) for file in files if _is_open(file))
    if machine.settings is not None and machine.settings.provisioning.api_secret is not None:
        found += (
            wrong(
                Outcome.INFO,
                "credentials.api_secret",
                "the account's API secret is on this device: who takes its card can join every meeting",
                "let a provisioning server sign tokens: docs/provisioning.md",
            ),
        )
    return found or (well("no other user can read a secret"),)


def _files_with_secrets(machine: Machine) -> Iterator[Path]:
    secret = {key.path for key in keys().values() if key.secret}
    for layer in (toml_layer(machine.config_file), *drop_in_layers(machine.config_file.with_suffix(".d"))):
        for given in layer.given if layer else ():
            if given.path in secret and given.value:
                yield Path(given.origin)
    if machine.settings is not None and machine.settings.provisioning.token_file is not None:
        yield machine.settings.provisioning.token_file
    for store in CREDENTIAL_STORES:
        yield from sorted((machine.root / store.lstrip("/")).glob("edgemeet.*"))


def _is_open(file: Path) -> bool:
    try:
        return bool(file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH))
    except OSError:
        return False  # not there, or not to be seen: another check says so


def _open_to_others(file: Path) -> Finding:
    return wrong(
        Outcome.WARNING,
        "credentials.readable",
        f"every user of this machine can read the secret in {file}",
        f"chmod o= {file}",
    )
