"""Options that many commands have, and the way to the daemon that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgemeet.control import ControlClient

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="Configuration file.", envvar="EDGEMEET_CONFIG", show_default="/etc/edgemeet/…"
    ),
]
SocketOption = Annotated[
    Path | None,
    typer.Option("--socket", help="Control socket of the daemon.", envvar="EDGEMEET_CONTROL__SOCKET"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def client(config: Path | None, socket: Path | None) -> ControlClient:
    """A client of the daemon that the options mean. Raises ConfigError for a named file that is bad."""
    from edgemeet.control import ControlClient

    return ControlClient(socket or _likely_socket(config))


def _likely_socket(config: Path | None) -> Path:
    """Where a daemon answers: as configured, else in the own runtime directory, else the service's.

    Unless the configuration was named, one that cannot be used, or not be read by this user, is no reason not
    to ask the daemon: it goes on with the one it has.
    """
    from edgemeet import places
    from edgemeet.config import ConfigInvalid, ConfigMissing, load

    try:
        settings = load(config)
    except (ConfigInvalid, ConfigMissing):
        if config is not None:
            raise
        return places.RUNTIME_DIRECTORY / places.SOCKET_NAME
    return places.likely_socket(settings.control.socket, settings.runtime_directory)
