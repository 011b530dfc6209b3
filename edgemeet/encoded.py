"""What crosses from capture to sending: encoded pictures and sound, and the way to steer their encoder.

Both `edgemeet.media`, which makes access units, and `edgemeet.rtc`, which sends them, know this
module and not each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["audio", "video"]
VideoCodec = Literal["h264", "vp8"]


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture of one layer, or one Opus packet of 20 ms.

    Attributes:
        layer: index into the encodings, lowest bitrate first; 0 for audio.
        captured: seconds on CLOCK_MONOTONIC at which the picture or the first sample was captured.
            The clock is one for all processes of the machine, so this survives a process boundary.
        keyframe: True when a decoder can start here; always True for audio.
        data: H.264 in Annex B with SPS and PPS before every keyframe, a VP8 frame, or an Opus packet.
        audio_level: loudness in -dBov, 0 (loudest) to 127 (silence), RFC 6464; None for video.
    """

    layer: int
    captured: float
    keyframe: bool
    data: bytes
    audio_level: int | None = None


@dataclass(frozen=True, slots=True)
class VideoEncoding:
    """One layer as the encoder is asked to make it: pixels, frames per second, bits per second."""

    width: int
    height: int
    fps: int
    max_bitrate: int
    scale: float = 1.0  # capture size / encoded size, `scaleResolutionDownBy` on the wire


Sink = Callable[[AccessUnit], None]


class EncodedSource(Protocol):
    """The handle on a running capture that a sender needs. All calls return at once."""

    def attach(self, sink: Sink) -> None:
        """From now on `sink` is called on the event loop with every access unit. One sink at a time."""

    def detach(self) -> None:
        """Access units are dropped from now on."""

    def request_keyframe(self, layer: int) -> None:
        """Ask for the next picture of `layer` to be a keyframe."""

    def set_bitrate(self, layer: int, bits_per_second: int) -> None:
        """Ask the encoder of `layer` to aim at this rate from now on."""

    def set_active(self, layer: int, active: bool) -> None:
        """Encode `layer`, or do not; it comes back with a keyframe. All are active at first."""
