"""The protocol of video encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from av import VideoFrame


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded picture. `age`: how many pictures were handed to the encoder after it."""

    data: bytes
    keyframe: bool
    age: int = 0


class VideoEncoder(Protocol):
    """Encodes one layer. `name`: for status."""

    name: str

    def encode(self, frame: VideoFrame, *, keyframe: bool) -> list[Encoded]:
        """Encode a picture of the layer's size; usually one result, as a keyframe if asked for.

        Raises:
            DeviceFailed: the encoder gave up.
        """

    def set_bitrate(self, bits_per_second: int) -> None:
        """Aim at this rate from the next picture on, without a keyframe where the encoder can."""
