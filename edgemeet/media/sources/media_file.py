"""What video and audio files have in common: opening them, with errors a person understands."""

from __future__ import annotations

from typing import TypeVar

import av
from av.container import InputContainer

from edgemeet.errors import DeviceError, DeviceFailed, DeviceForbidden, DeviceNotFound, FormatNotOffered

_T = TypeVar("_T")
# libav's names of formats that say where their pictures are, so that seeking finds the first one.
_WITH_INDEX = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")


def open_file(path: str) -> InputContainer:
    """Open a media file.

    Raises:
        DeviceNotFound, DeviceForbidden, DeviceFailed: there is none, it may not be read, it is no media.
    """
    try:
        return av.open(path)
    except FileNotFoundError as error:
        raise DeviceNotFound(f"there is no file {path}") from error
    except PermissionError as error:
        raise DeviceForbidden(f"the file {path} may not be read") from error
    except (av.FFmpegError, OSError) as error:
        raise DeviceFailed(f"the file {path} is no media file that can be read") from error


def rewind(container: InputContainer, path: str) -> InputContainer:
    """The file from its beginning, for those who do not decode it: spares looking through it again."""
    if container.format.name in _WITH_INDEX:
        try:
            container.seek(0)
        except av.FFmpegError:
            pass
        else:
            return container
    return reopen(container, path)


def reopen(container: InputContainer, path: str) -> InputContainer:
    """The file from its beginning. Not every format can seek, every one can be opened again."""
    container.close()
    return open_file(path)


def first_stream(streams: tuple[_T, ...], path: str, what: str) -> _T:
    """The first of `streams`, or FormatNotOffered naming `what` is missing in the file."""
    if not streams:
        raise FormatNotOffered(f"the file {path} has no {what}")
    return streams[0]


def broken(path: str, error: Exception) -> DeviceError:
    """The error for a file that stopped being readable."""
    return DeviceFailed(f"the file {path} cannot be read any further: {error}")
