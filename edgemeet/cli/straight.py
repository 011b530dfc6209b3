"""What services and scripts do most, without the parser of the command line.

Loading it takes as long as half of the daemon, and longer than to find out that no daemon runs. Only what
can mean but one thing goes this way; everything else is for `edgemeet.cli.app`, which knows all of it too.
"""

from __future__ import annotations

import os
import socket
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgemeet import places
from edgemeet.cli.exits import told_plainly
from edgemeet.cli.loading import without_unused
from edgemeet.errors import ControlError

_ASKING = (
    ("status",),
    ("reload",),
    ("rejoin",),
    ("leave",),
    ("mute",),
    ("unmute",),
    ("camera", "on"),
    ("camera", "off"),
)
# With any of these the place of the socket takes more than a look to be told.
_PLACING = ("control", "runtime_directory")
_LARGEST = 1_048_576  # bytes, as `edgemeet.config` has it
_TIMEOUT = 5.0  # seconds


def went_straight(arguments: Sequence[str]) -> bool:
    """Do what is asked for; False where the parser has to see it.

    Raises:
        SystemExit: it was done, and did not work.
    """
    if list(arguments) == ["run"]:
        _run(os.environ.get("EDGEMEET_CONFIG"))
        return True
    path = _socket_asked(arguments, os.environ)
    if path is not None and _nobody_there(path):
        with told_plainly():
            raise ControlError.not_running(path)
    return False


def _run(config: str | None) -> None:
    from edgemeet.cli.running import run_daemon

    without_unused()
    try:
        run_daemon(Path(config) if config else None)
    except KeyboardInterrupt:  # before the daemon takes signals
        raise SystemExit("Aborted.") from None


def _socket_asked(arguments: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """The socket of the daemon that is asked or told something; None where that takes a closer look."""
    command = next((words for words in _ASKING if tuple(arguments[: len(words)]) == words), None)
    if command is None:
        return None
    chosen = environ.get("EDGEMEET_CONTROL__SOCKET")
    rest = iter(arguments[len(command) :])
    for word in rest:
        if word == "--socket":
            chosen = next(rest, "-")
        elif word != "--json":
            return None
    if chosen:
        return None if chosen.startswith("-") else Path(chosen)  # the parser tells what is missing
    if environ.get("EDGEMEET_CONFIG") or "EDGEMEET_RUNTIME_DIRECTORY" in environ:
        return None
    if _placed_by_files(places.CONFIGURATION):
        return None
    directory = places.runtime_directory(environ, uid=os.geteuid())
    return places.likely_socket(directory / places.SOCKET_NAME, directory)


def _placed_by_files(file: Path) -> bool:
    """Whether a configuration file says where the socket is, or is not as easily read as most."""
    try:
        files = [file, *sorted(file.with_suffix(".d").glob("*.toml"))]
        return any(_places_socket(each) for each in files if each.exists())
    except (OSError, ValueError, RecursionError):  # what tomllib says is a ValueError
        return True


def _places_socket(file: Path) -> bool:
    about = file.stat()
    if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
        return True
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return any(name in document for name in _PLACING)


def _nobody_there(path: Path) -> bool:
    """True when it is certain: no socket, or one that nobody listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return True
        except OSError:
            return False
    return False
