"""Device errors across the process boundary."""

from __future__ import annotations

from edgemeet.errors import (
    DeviceBusy,
    DeviceError,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    DeviceNotInstalled,
    FormatNotOffered,
)
from edgemeet.media.messages import Fault

_CLASSES: dict[str, type[DeviceError]] = {
    error.__name__: error
    for error in (
        DeviceBusy,
        DeviceFailed,
        DeviceForbidden,
        DeviceNotFound,
        DeviceNotInstalled,
        FormatNotOffered,
    )
}


def to_fault(error: DeviceError) -> Fault:
    """The message that carries `error` to the parent."""
    return Fault(kind=type(error).__name__, code=error.code, message=error.message, hint=error.hint)


def from_fault(fault: Fault) -> DeviceError:
    """The error the child met; an unknown class becomes DeviceFailed."""
    return _CLASSES.get(fault.kind, DeviceFailed)(fault.message, code=fault.code, hint=fault.hint)
