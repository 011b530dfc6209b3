"""The Pi's cameras through picamera2, as raw pictures or encoded by the Pi's own encoder.

libcamera hangs in calls that have no deadline. Nothing here guards against that: the parent ends the whole
process when no picture comes, and starts another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from av import VideoFrame

from edgemeet.errors import DeviceFailed
from edgemeet.media.encoders import hardware
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources import picamera2_library
from edgemeet.media.sources.capture_time import from_boot_time
from edgemeet.media.sources.picamera2_camera import PATIENCE, OpenCamera, Stream
from edgemeet.media.sources.picamera2_encoded import EncoderLibrary, Picamera2EncodedCamera, fits
from edgemeet.media.sources.picamera2_library import Library
from edgemeet.media.sources.protocols import CameraSource, RawPicture
from edgemeet.media.sources.shared_frames import frame_on


class Picamera2Camera:
    """Gives each picture with the smaller one that the image processor made of it, if a layer wants that.

    A picture's memory belongs to the camera: it is valid until the next `read`.
    """

    encoded = False
    encoder_name = ""

    def __init__(self, plan: CameraPlan, opened: OpenCamera, library: Library) -> None:
        self.name = opened.name
        self.width, self.height, self.fps = opened.main.width, opened.main.height, opened.fps
        self._opened = opened
        self._mapped = library.mapped
        self._patience = max(plan.deadlines.first_frame, plan.deadlines.gap) + PATIENCE
        self._request: Any = None

    def read(self) -> RawPicture:
        self._release()
        try:
            request = self._opened.camera.capture_request(wait=self._patience)
        except TimeoutError as error:
            raise DeviceFailed(
                f"the camera gave no picture for {self._patience:g} s", code="device.stalled"
            ) from error
        self._request = request
        captured = from_boot_time(request.get_metadata().get("SensorTimestamp"))
        opened = self._opened
        lores = opened.flip.apply(self._frame(request, opened.lores)) if opened.lores else None
        return RawPicture(opened.flip.apply(self._frame(request, opened.main)), captured, lores)

    def request_keyframe(self) -> None:
        """Nothing to do: the encoder makes it."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing to do: the encoder follows it."""

    def close(self) -> None:
        self._release()
        self._opened.close()

    def _frame(self, request: Any, stream: Stream) -> VideoFrame:
        # The request has told the kernel that its memory is being read, until it is released.
        with self._mapped(request, stream.name, reshape=False, write=False) as mapped:
            return frame_on(mapped.array, stream.width, stream.height, stream.stride, stream.pixel_format)

    def _release(self) -> None:
        if self._request is not None:
            request, self._request = self._request, None
            request.release()


def open_picamera2(
    plan: CameraPlan,
    *,
    library: Library | None = None,
    encoder_library: Callable[[], EncoderLibrary] = EncoderLibrary.load,
    encoder_is_there: Callable[[], bool] = hardware.pi_encoder_is_there,
) -> CameraSource:
    """Open the camera of `plan`.

    Raises:
        DeviceNotInstalled, DeviceNotFound, DeviceBusy, DeviceForbidden: as they say.
        FormatNotOffered: it has no such size or control.
        DeviceFailed: libcamera says something else.
    """
    library = library or picamera2_library.load()
    opened = OpenCamera(plan, library)
    try:
        if fits(plan, opened, is_there=encoder_is_there):
            return Picamera2EncodedCamera(plan, opened, encoder_library())
        return Picamera2Camera(plan, opened, library)
    except BaseException:
        opened.close()
        raise
