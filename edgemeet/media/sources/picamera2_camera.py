"""One of the Pi's cameras, opened and configured through picamera2: what all its sources share."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from edgemeet.errors import DeviceError, DeviceNotFound, FormatNotOffered
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources import picamera2_library
from edgemeet.media.sources.flip import Flip
from edgemeet.media.sources.picamera2_controls import controls
from edgemeet.media.sources.picamera2_library import Library, ListedCamera
from edgemeet.media.sources.shared_frames import PIXEL_FORMATS

PATIENCE = (
    1.0  # seconds that sources wait longer than the parent: it knows what to do about a camera that hangs
)

_FORMAT = "YUV420"  # what the Pi's image processor gives and x264 and the hardware encoder take
_ASPECT_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Stream:
    """What libcamera made of a stream that was asked for; it adjusts silently."""

    name: str
    width: int
    height: int
    stride: int
    pixel_format: str

    @classmethod
    def of(cls, name: str, configuration: dict[str, Any]) -> Stream:
        """Read it back from picamera2's configuration.

        Raises:
            FormatNotOffered: pictures come in a format that no encoder takes.
        """
        wanted = configuration["format"]
        if wanted not in PIXEL_FORMATS:
            raise FormatNotOffered(
                f"this camera gives {wanted} through libcamera, not {' or '.join(PIXEL_FORMATS)}",
                hint='set camera.source to "v4l2" for USB cameras',
            )
        width, height = configuration["size"]
        return cls(name, width, height, configuration["stride"], PIXEL_FORMATS[wanted])


class OpenCamera:
    """A camera that is open, configured and delivers pictures.

    Attributes:
        name: for status.
        camera: the Picamera2.
        main, lores: its streams; lores, where the pipeline gives one, has the size of a lower layer.
        fps: what the sensor's mode allows, at most what was asked for.
        flip: what the pipeline did not turn over itself.

    Raises:
        DeviceError: it does not open.
    """

    def __init__(self, plan: CameraPlan, library: Library) -> None:
        if plan.tuning_file:
            _use_tuning_file(plan.tuning_file)
        self.listed = picamera2_library.choose(picamera2_library.cameras(library), plan.device)
        self.name = f"picamera2 {self.listed.model} ({self.listed.id})"
        self._library = library
        self.camera: Any = _open(library, self.listed, plan.tuning_file)
        try:
            self._configure(plan)
            self.camera.start()
        except DeviceError:
            self.close()
            raise
        except (RuntimeError, OSError) as error:
            self.close()
            raise picamera2_library.failure(f'the camera "{self.listed.model}"', error) from error

    def close(self) -> None:
        """Stop it and give it back."""
        # A picture that is still looked at keeps its memory mapped; the end of this process frees it.
        with suppress(BufferError):
            self.camera.close()

    def _configure(self, plan: CameraPlan) -> None:
        self._settle(plan, _lores_size(plan))
        lores = self.lores
        if lores and (
            lores.width >= self.main.width or not _same_shape(lores, self.main.width, self.main.height)
        ):
            self._settle(plan, None)
        if not _same_shape(self.main, plan.width, plan.height):
            raise FormatNotOffered(
                f'the camera "{self.listed.model}" gives {self.main.width}x{self.main.height} '
                f"when it is asked for {plan.width}x{plan.height}",
                hint=f"set camera.width and camera.height to one of {', '.join(self._sizes()) or 'its own'}",
            )

    def _settle(self, plan: CameraPlan, lores: tuple[int, int] | None) -> None:
        """Configure both streams and read back what came of it."""
        offered = self.camera.camera_controls
        chosen = controls(plan.controls, offered, self._library.libcamera.controls)
        if "FrameDurationLimits" in offered:
            duration = round(1_000_000 / plan.fps)  # microseconds
            chosen = {"FrameDurationLimits": (duration, duration)} | chosen
        wanted = self.camera.create_video_configuration(
            main={"format": _FORMAT, "size": (plan.width, plan.height)},
            lores=lores and {"format": _FORMAT, "size": lores},
            transform=self._library.libcamera.Transform(hflip=plan.hflip, vflip=plan.vflip),
            controls=chosen,
        )
        self.camera.configure(wanted)
        settled = self.camera.camera_configuration()
        self.main = Stream.of("main", settled["main"])
        self.lores = Stream.of("lores", settled["lores"]) if settled.get("lores") else None
        done = settled["transform"]
        self.flip = Flip(horizontal=bool(done.hflip) != plan.hflip, vertical=bool(done.vflip) != plan.vflip)
        self.fps = _fps(plan.fps, self.camera.camera_controls.get("FrameDurationLimits"))

    def _sizes(self) -> list[str]:
        """What libcamera lists for video; it may give other sizes of the same shape too."""
        library = self._library.libcamera
        formats = self.camera.camera.generate_configuration([library.StreamRole.VideoRecording]).at(0).formats
        sizes = {(size.width, size.height) for kind in formats.pixel_formats for size in formats.sizes(kind)}
        return [f"{width}x{height}" for width, height in sorted(sizes)]


def _open(library: Library, listed: ListedCamera, tuning_file: str | None) -> Any:
    try:
        return library.camera(listed.number, tuning=tuning_file)
    except (RuntimeError, OSError) as error:
        raise picamera2_library.failure(f'the camera "{listed.model}"', error) from error


def _use_tuning_file(path: str) -> None:
    """Name it to libcamera, which reads it when it first looks for cameras, before picamera2 names it."""
    if not os.access(path, os.R_OK):
        raise DeviceNotFound(
            f"there is no tuning file {path} that can be read",
            hint="camera.tuning_file: those of libcamera are in /usr/share/libcamera/ipa/rpi",
        )
    os.environ["LIBCAMERA_RPI_TUNING_FILE"] = path


def _lores_size(plan: CameraPlan) -> tuple[int, int] | None:
    """The largest layer below the full size: scaling to it costs the most, and smaller ones go on from it."""
    lower = [
        (layer.width, layer.height)
        for layer in plan.encodings
        if layer.width < plan.width and layer.height < plan.height
    ]
    return max(lower, default=None)


def _same_shape(stream: Stream, width: int, height: int) -> bool:
    return abs(stream.width * height / (stream.height * width) - 1) <= _ASPECT_TOLERANCE


def _fps(wanted: int, limits: tuple[int, int, object] | None) -> int:
    """What the sensor gives: a mode may be slower than what was asked for."""
    shortest = limits[0] if limits else 0  # microseconds
    return min(wanted, max(1, round(1_000_000 / shortest))) if shortest else wanted
