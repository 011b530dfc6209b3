"""Where the daemon keeps things and looks for them when nobody says otherwise.

Without pydantic: who only wants to know whether a daemon runs asks here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CONFIGURATION: Final = Path("/etc/edgemeet/edgemeet.toml")
RUNTIME_DIRECTORY: Final = Path("/run/edgemeet")
STATE_DIRECTORY: Final = Path("/var/lib/edgemeet")
SOCKET_NAME: Final = "control.sock"

_NAME = "edgemeet"


def state_directory(environ: Mapping[str, str], *, uid: int) -> Path:
    """Where the participant id and the last good answers are kept.

    What systemd made for the service comes first (systemd.exec(5): ``StateDirectory=``), then for root the
    usual places, for others the user's own (XDG Base Directory Specification).
    """
    return _of_systemd(environ, "STATE_DIRECTORY") or (
        STATE_DIRECTORY
        if uid == 0
        else (_absolute(environ, "XDG_STATE_HOME") or _home(environ) / ".local/state") / _NAME
    )


def runtime_directory(environ: Mapping[str, str], *, uid: int) -> Path:
    """Where the control socket lies; found likewise."""
    return _of_systemd(environ, "RUNTIME_DIRECTORY") or (
        RUNTIME_DIRECTORY
        if uid == 0
        else (_absolute(environ, "XDG_RUNTIME_DIR") or Path(f"/run/user/{uid}")) / _NAME
    )


def likely_socket(chosen: Path, directory: Path) -> Path:
    """Where a daemon answers: at `chosen`, unless that is only the default in `directory` and not there.

    Then it is the service that is meant.
    """
    is_default = chosen == directory / SOCKET_NAME
    return RUNTIME_DIRECTORY / SOCKET_NAME if is_default and not os.path.exists(chosen) else chosen


def _of_systemd(environ: Mapping[str, str], name: str) -> Path | None:
    """The first directory: there may be several, with colons between."""
    first = environ.get(name, "").split(":")[0]
    return Path(first) if first else None


def _absolute(environ: Mapping[str, str], name: str) -> Path | None:
    """A relative path is to be ignored, says the specification."""
    value = environ.get(name, "")
    return Path(value) if os.path.isabs(value) else None


def _home(environ: Mapping[str, str]) -> Path:
    home = _absolute(environ, "HOME")
    if home is None:
        try:
            home = Path.home()
        except RuntimeError:  # a user that is in no password file
            home = Path("/")
    return home
