"""Where state and sockets are kept when the configuration does not say it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edgemeet.config.reading import Given
from edgemeet.config.sections import DEFAULT_RUNTIME_DIRECTORY, DEFAULT_STATE_DIRECTORY

_NAME = "edgemeet"


def directories(environ: Mapping[str, str], *, uid: int) -> tuple[Given, Given]:
    """The state and the runtime directory.

    What systemd made for the service comes first (systemd.exec(5): ``StateDirectory=``), then for root the
    usual places, for others the user's own (XDG Base Directory Specification).
    """
    state = _of_systemd(environ, "STATE_DIRECTORY") or (
        DEFAULT_STATE_DIRECTORY
        if uid == 0
        else (_absolute(environ, "XDG_STATE_HOME") or _home(environ) / ".local/state") / _NAME
    )
    runtime = _of_systemd(environ, "RUNTIME_DIRECTORY") or (
        DEFAULT_RUNTIME_DIRECTORY
        if uid == 0
        else (_absolute(environ, "XDG_RUNTIME_DIR") or Path(f"/run/user/{uid}")) / _NAME
    )
    return (
        Given(("state_directory",), str(state), "$STATE_DIRECTORY"),
        Given(("runtime_directory",), str(runtime), "$RUNTIME_DIRECTORY"),
    )


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
