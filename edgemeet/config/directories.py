"""Where state and sockets are kept when the configuration does not say it."""

from __future__ import annotations

from collections.abc import Mapping

from edgemeet import places
from edgemeet.config.reading import Given


def directories(environ: Mapping[str, str], *, uid: int) -> tuple[Given, Given]:
    """The state and the runtime directory, see `edgemeet.places`."""
    return (
        Given(("state_directory",), str(places.state_directory(environ, uid=uid)), "$STATE_DIRECTORY"),
        Given(("runtime_directory",), str(places.runtime_directory(environ, uid=uid)), "$RUNTIME_DIRECTORY"),
    )
