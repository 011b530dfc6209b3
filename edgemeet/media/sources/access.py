"""Which of the system's words about a device mean what, and which group it takes to use one."""

from __future__ import annotations

import glob
import grp
import os
from collections.abc import Callable, Iterable

from edgemeet.errors import DeviceBusy, DeviceError, DeviceFailed, DeviceForbidden, DeviceNotFound

# strerror(3) in the C locale, which drivers' libraries pass on as text.
_WORDS: tuple[tuple[str, type[DeviceError], str], ...] = (
    ("resource busy", DeviceBusy, "is in use by another program"),
    ("Permission denied", DeviceForbidden, "may not be used by this user"),
    ("Operation not permitted", DeviceForbidden, "may not be used by this user"),
    ("No such file", DeviceNotFound, "was not found"),
    ("No such device", DeviceNotFound, "was not found"),
    ("No camera number", DeviceNotFound, "was not found"),
    ("not found", DeviceNotFound, "was not found"),
)


def causes(error: BaseException) -> str:
    """What an error and those it came from say, in one line: libraries wrap the useful one."""
    texts: list[str] = []
    at: BaseException | None = error
    while at is not None and len(texts) < 8:
        text = str(at).strip()
        if text and text not in texts:
            texts.append(text)
        at = at.__cause__ or at.__context__
    return "; ".join(texts)


def device_error(what: str, error: BaseException, *, paths: Iterable[str] = ()) -> DeviceError:
    """The error for a device that cannot be opened.

    Args:
        what: the device in words, such as "the camera /dev/video0".
        error: what was raised.
        paths: the files it lies behind, to name the group that may use them.
    """
    said = causes(error)
    for word, kind, problem in _WORDS:
        if word in said:
            if kind is DeviceForbidden:
                return forbidden(what, paths)
            hint = "stop the program that uses it" if kind is DeviceBusy else None
            return kind(f"{what} {problem}", hint=hint)
    return DeviceFailed(f"{what} cannot be opened: {said or type(error).__name__}")


def forbidden(what: str, paths: Iterable[str]) -> DeviceForbidden:
    """The error that names the group to join."""
    group = next(filter(None, map(group_of, paths)), "video")
    return DeviceForbidden(
        f"{what} may not be used by this user",
        hint=f'add the user to the group "{group}": sudo usermod -aG {group} USER, then start again',
    )


def unusable(patterns: Iterable[str], *, access: Callable[[str, int], bool] = os.access) -> list[str]:
    """The device files that match and that this process may not both read and write."""
    found = sorted(path for pattern in patterns for path in glob.glob(pattern))
    return [path for path in found if not access(path, os.R_OK | os.W_OK)]


def group_of(path: str) -> str | None:
    """The name of the group that a file belongs to, None when there is no such file or name."""
    try:
        return grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return None
