"""Which layers a camera is sent in, by the size it captures: VideoSDK's table.

Source of the numbers: what the vendor's JavaScript SDK publishes (`encodings` of its producers with
`multistream: true`) and its bitrate table for single streams. H.264 and VP8 get the same layers.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgemeet.encoded import VideoCodec, VideoEncoding

_SMALLEST_SIDE = 16  # one macroblock; encoders refuse less


@dataclass(frozen=True, slots=True)
class _Rung:
    """One layer: divisor of the capture size, frames per second at most, bits per second."""

    scale: float
    fps: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class _SizeClass:
    """The layers of captures with at least `pixels` pixels, lowest first."""

    pixels: int
    rungs: tuple[_Rung, ...]


_SIZE_CLASSES = (
    _SizeClass(1920 * 1080, (_Rung(3, 20, 400_000), _Rung(2, 25, 550_000), _Rung(1, 30, 2_200_000))),
    _SizeClass(1280 * 720, (_Rung(4, 15, 150_000), _Rung(2, 20, 400_000), _Rung(1, 30, 1_500_000))),
    _SizeClass(960 * 540, (_Rung(3, 15, 150_000), _Rung(1.5, 20, 400_000), _Rung(1, 25, 550_000))),
    _SizeClass(640 * 480, (_Rung(2.67, 15, 150_000), _Rung(1, 25, 500_000))),
    _SizeClass(640 * 360, (_Rung(2, 15, 150_000), _Rung(1, 20, 400_000))),
    _SizeClass(0, (_Rung(1, 15, 150_000),)),
)
# A capture a little under a class belongs to it: 1280x704 is what some cameras call 720p.
_TOLERANCE = 1.05


def encodings(
    width: int,
    height: int,
    fps: int,
    *,
    multistream: bool,
    codec: VideoCodec,
    max_bitrate: int | None,
) -> tuple[VideoEncoding, ...]:
    """The encodings of a camera that captures `width` x `height` at `fps`, lowest bitrate first.

    Sizes are even and never above the capture's. A single stream keeps the capture's frame rate; with
    `multistream` each layer is held to VideoSDK's. `max_bitrate` (bits per second) replaces the highest
    layer's rate; lower layers that would not cost less than it are left out.
    Both codecs have the same layers today; callers say which one, so that they need not know.

    Raises:
        ValueError: a side under 16 pixels, or a rate that is not positive.
    """
    if min(width, height) < _SMALLEST_SIDE or fps <= 0 or (max_bitrate is not None and max_bitrate <= 0):
        raise ValueError(f"no encodings for {width}x{height} at {fps} fps and {max_bitrate} bits/s")
    rungs = _rungs(width * height)
    top = max_bitrate or rungs[-1].bitrate
    if not multistream:
        return (_encoding(width, height, fps, _Rung(1, fps, top)),)
    lower = [rung for rung in rungs[:-1] if rung.bitrate < top]
    return tuple(_encoding(width, height, fps, rung) for rung in (*lower, _Rung(1, rungs[-1].fps, top)))


def _rungs(pixels: int) -> tuple[_Rung, ...]:
    return next(size.rungs for size in _SIZE_CLASSES if pixels * _TOLERANCE >= size.pixels)


def _encoding(width: int, height: int, fps: int, rung: _Rung) -> VideoEncoding:
    return VideoEncoding(
        width=_even(width, rung.scale),
        height=_even(height, rung.scale),
        fps=min(fps, rung.fps),
        max_bitrate=rung.bitrate,
        scale=rung.scale,
    )


def _even(side: int, scale: float) -> int:
    """The nearest even number to side / scale that is not larger than the side (4:2:0 chroma)."""
    nearest = 2 * round(side / scale / 2)
    return max(2, min(nearest, side - side % 2))
