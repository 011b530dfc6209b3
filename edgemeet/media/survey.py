"""What this machine can capture with: the answer to `edgemeet devices`, as plain dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class Mode:
    """A format of a camera at a size, or at all sizes from the first to the most.

    `fps`: pictures per second that it lists, or with `any_fps_between` the slowest and the fastest; empty
    when it does not say.
    """

    format: str
    width: int
    height: int
    most_width: int
    most_height: int
    fps: tuple[float, ...] = ()
    any_fps_between: bool = False


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera. `source` and `device` are what to put into the keys of these names in [camera]."""

    source: Literal["picamera2", "v4l2"]
    device: str
    name: str
    modes: tuple[Mode, ...]
    controls: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Microphone:
    """A microphone. `device` is what to put into microphone.device."""

    device: str
    name: str
    source: Literal["alsa"] = "alsa"


@dataclass(frozen=True, slots=True)
class Encoder:
    """An encoder that was tried and works. `name` is what to put into camera.encoder."""

    name: str
    codec: Literal["h264", "vp8"]
    hardware: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be listed."""

    part: str
    code: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """All of it."""

    cameras: tuple[Camera, ...] = ()
    microphones: tuple[Microphone, ...] = ()
    encoders: tuple[Encoder, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    schema_version: Literal[1] = SCHEMA_VERSION
