"""The protocols of encoders."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from av import VideoFrame

# What Opus' inband FEC prepares for, per cent. Opus spends nothing on FEC when it is told to expect no loss.
EXPECTED_LOSS: Final = 10


@dataclass(frozen=True, slots=True)
class Encoded:
    """One encoded picture.

    Attributes:
        age: how many pictures were handed to the encoder after it.
        quantizer: of H.264, 0 (finest) to 51, averaged over the picture; None where it is not told, which
            may be all but a few.
    """

    data: bytes
    keyframe: bool
    age: int = 0
    quantizer: float | None = None


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


class AudioEncoder(Protocol):
    """Encodes Opus: 48 kHz, mono, 20 ms, with forward error correction. `name`: for status."""

    name: str

    def encode(self, samples: array[int]) -> list[bytes]:
        """The packets of one period of 960 samples: one, or none of a silence that need not be sent.

        Raises:
            DeviceFailed: the encoder gave up.
        """

    def set_bitrate(self, bits_per_second: int) -> None:
        """Aim at this rate from the next packet on.

        Raises:
            DeviceFailed: it does not take the rate.
        """
