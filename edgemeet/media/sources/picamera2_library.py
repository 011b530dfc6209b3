"""picamera2 and libcamera: loading them, naming their cameras, and their errors in our words.

Neither publishes types, so what comes from them is `Any`; it goes no further than the modules beside this
one. Both are loaded only in a process of its own, because they hang, log and start threads as they like.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgemeet.errors import DeviceError, DeviceNotFound, DeviceNotInstalled
from edgemeet.media.sources import access

# What libcamera opens: the media controllers, their nodes, and the heaps that pictures lie in.
DEVICE_FILES = ("/dev/media*", "/dev/video*", "/dev/dma_heap/*")
_INSTALL = "sudo apt install python3-picamera2; a venv sees it when made with --system-site-packages"


@dataclass(frozen=True, slots=True)
class Library:
    """The parts of both libraries that are used.

    Attributes:
        camera: picamera2's class `Picamera2`.
        mapped: picamera2's class `MappedArray`.
        libcamera: the module.
    """

    camera: Any  # no types are published
    mapped: Any  # no types are published
    libcamera: Any  # no types are published


@dataclass(frozen=True, slots=True)
class ListedCamera:
    """A camera that libcamera sees. `number` is what Picamera2 counts by."""

    number: int
    id: str
    model: str

    @property
    def usb(self) -> bool:
        """It is a USB camera, which the source v4l2 knows better."""
        return "/usb" in self.id


def load() -> Library:
    """Both libraries.

    Raises:
        DeviceNotInstalled: one of them is missing or does not load.
    """
    try:
        import libcamera  # noqa: PLC0415 - only where a camera of it is asked for
        import picamera2  # noqa: PLC0415 - likewise
    except ImportError as error:
        missing = error.name in {"picamera2", "libcamera"}
        problem = "is not installed" if missing else f"does not load: {error}"
        name = error.name if missing else "picamera2"
        raise DeviceNotInstalled(f"the library {name} {problem}", hint=_INSTALL) from error
    logging.getLogger("picamera2").setLevel(logging.WARNING)
    return Library(picamera2.Picamera2, picamera2.MappedArray, libcamera)


def cameras(library: Library) -> list[ListedCamera]:
    """What libcamera sees, in picamera2's order: cameras on ribbon cables first."""
    try:
        listed: Sequence[Mapping[str, object]] = library.camera.global_camera_info()
    except (RuntimeError, OSError) as error:
        raise failure("libcamera", error) from error
    return [
        ListedCamera(number, str(info.get("Id", "")), str(info.get("Model", "")))
        for number, info in enumerate(listed)
    ]


def choose(listed: Sequence[ListedCamera], device: str | None) -> ListedCamera:
    """The camera that `device` names: its number, id or model; the first one when it names none.

    Raises:
        DeviceNotFound: there is none, or none of that name.
        DeviceForbidden: there is none to be seen for want of permission.
    """
    if not listed:
        if hidden := access.unusable(DEVICE_FILES):
            raise access.forbidden(f"the cameras behind {hidden[0]}", hidden)
        raise DeviceNotFound(
            "libcamera sees no camera", hint="rpicam-hello --list-cameras tells what it sees"
        )
    for camera in listed:
        if device is None or device in {str(camera.number), camera.id, camera.model}:
            return camera
    names = ", ".join(f'{camera.number} "{camera.model}" ({camera.id})' for camera in listed)
    raise DeviceNotFound(f'there is no camera "{device}"', hint=f"libcamera sees: {names}")


def failure(what: str, error: BaseException) -> DeviceError:
    """The error for a camera that did not open or start."""
    return access.device_error(what, error, paths=access.unusable(DEVICE_FILES))
