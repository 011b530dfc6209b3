"""A film that needs no encoder afterwards: what a device passes on untouched."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

WIDTH, HEIGHT, FPS, SECONDS = 320, 180, 10, 10
BITRATE = 150_000


def make_film(path: Path) -> None:
    """H.264 constrained baseline, a keyframe each second, a bar that moves."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = BITRATE
        stream.time_base = Fraction(1, FPS)
        stream.options = {"profile": "baseline", "preset": "veryfast", "bf": "0", "g": str(FPS)}
        for number in range(FPS * SECONDS):
            container.mux(stream.encode(_picture(number)))
        container.mux(stream.encode(None))


def _picture(number: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    bar = number * 8 % WIDTH
    luma = frame.planes[0]
    row = bytes(220 if bar <= x < bar + 40 else (x + number) % 64 for x in range(WIDTH))
    luma.update(row.ljust(luma.line_size, b"\0") * HEIGHT)
    for chroma in frame.planes[1:]:
        chroma.update(b"\x80" * chroma.buffer_size)
    frame.pts = number
    return frame
