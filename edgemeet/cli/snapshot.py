"""`edgemeet snapshot`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from edgemeet.errors import ControlError


def save(jpeg: bytes, file: Path) -> None:
    """Write the picture to `file`, whole or not at all; `-` is standard output.

    Raises:
        ControlError: it cannot be written (code control.file).
    """
    if str(file) == "-":
        sys.stdout.buffer.write(jpeg)
        return
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(jpeg)  # /dev/stdout and its like cannot be replaced
            return
        _replace(file, jpeg)
    except OSError as error:
        raise ControlError(
            f"cannot write {file}: {os.strerror(error.errno or 0)}", code="control.file"
        ) from error


def _replace(file: Path, data: bytes) -> None:
    # A reader, such as a web server, never sees half a picture.
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with open(descriptor, "wb") as part:
            part.write(data)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
