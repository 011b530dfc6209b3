"""The two protocols that cameras and microphones implement."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True)
class RawPicture:
    """A picture to be encoded: yuv420p or nv12 of the capture's size.

    It may be read until the source is read again, not kept and not changed. `lores` is the same picture,
    made smaller by the camera, for layers that are no larger.
    """

    frame: VideoFrame
    captured_ns: int  # on CLOCK_MONOTONIC
    lores: VideoFrame | None = None


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """An access unit that the device or file encoded itself; it is passed on untouched."""

    data: bytes
    keyframe: bool
    captured_ns: int  # on CLOCK_MONOTONIC


@dataclass(frozen=True, slots=True)
class Period:
    """960 samples of 16 bits, 48 kHz, mono: 20 ms of sound.

    `captured_ns` (CLOCK_MONOTONIC, of the first sample) goes up by exactly 20 ms from period to period; a
    larger step means that sound was lost, or that the device's clock was followed again.
    """

    samples: array[int]
    captured_ns: int


class CameraSource(Protocol):
    """An open camera.

    Attributes:
        name: what is open, for status.
        width, height, fps: what it really gives.
        encoded: True when `read` gives EncodedPicture; then there is one layer and no encoder.
        encoder_name: what encodes then, for status; "" when pictures are raw.
    """

    name: str
    width: int
    height: int
    fps: int
    encoded: bool
    encoder_name: str

    def read(self) -> RawPicture | EncodedPicture:
        """The next picture, when it is due. Raises DeviceError."""

    def request_keyframe(self) -> None:
        """Only for encoded sources: make the next picture a keyframe, as soon as the device can."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Only for encoded sources: aim at this rate, where the device can."""

    def close(self) -> None:
        """Give the device back."""


class MicrophoneSource(Protocol):
    """An open microphone. `name`: what is open, for status."""

    name: str

    def read(self) -> Period:
        """The next 20 ms, when they are there. Raises DeviceError."""

    def close(self) -> None:
        """Give the device back."""
