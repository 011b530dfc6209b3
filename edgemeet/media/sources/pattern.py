"""The test camera: libav's testsrc2 with a readable and a machine-readable frame counter drawn in.

Beside the moving pattern a picture shows the device's name, the wall-clock time and the number of the
picture as text, and the number again as blocks (`edgemeet.media.counter`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from av import VideoFrame
from av.filter import Graph

from edgemeet.media import counter
from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import CameraPlan
from edgemeet.media.sources.protocols import RawPicture
from edgemeet.media.sources.text import Digits, Line, Typeface

_LETTERS_PER_HEIGHT = 20  # a letter is a 20th of the picture's height: 36 pixels of 720
_GREY = b"\x80"  # chroma without colour


class PatternCamera:
    """Paces itself on the monotonic clock; a late reader gets fewer pictures, never a burst."""

    encoded = False
    encoder_name = ""

    def __init__(self, plan: CameraPlan, *, wall_clock: Callable[[], float] = time.time) -> None:
        self.name = "test"
        self.width, self.height, self.fps = plan.width, plan.height, plan.fps
        self._graph = _testsrc2(plan.width, plan.height, plan.fps)
        self._overlay = Overlay(plan.width, plan.height, plan.label)
        self._wall_clock = wall_clock
        self._count = 0
        self._pacer = Pacer(plan.fps)

    def read(self) -> RawPicture:
        captured = self._pacer.wait()
        frame = self._graph.vpull()
        self._overlay.draw(frame, self._count, self._wall_clock())
        self._count = (self._count + 1) % counter.MODULUS
        return RawPicture(frame, captured)

    def request_keyframe(self) -> None:
        """Nothing to do: the encoder makes it."""

    def set_bitrate(self, bits_per_second: int) -> None:
        """Nothing to do: the encoder follows it."""

    def close(self) -> None:
        """Nothing to give back."""


def _testsrc2(width: int, height: int, fps: int) -> Graph:
    graph = Graph()
    source = graph.add("testsrc2", f"size={width}x{height}:rate={fps}")
    yuv = graph.add("format", "pix_fmts=yuv420p")
    graph.link_nodes(source, yuv, graph.add("buffersink"))
    graph.configure()
    return graph


class Overlay:
    """Draws the counter's blocks and a line of text into pictures of one size."""

    def __init__(self, width: int, height: int, label: str) -> None:
        self._block_edges = counter.edges(width)
        self._block_rows = counter.block_height(width)
        typeface = Typeface(max(8, height // _LETTERS_PER_HEIGHT))
        gap = typeface.digit_width
        name = typeface.render(label) if label else None
        after_name = gap + name.width + gap if name else gap
        after_time = after_name + 8 * typeface.digit_width + gap
        line_width = min(width, after_time + 9 * typeface.digit_width)
        self._line = Line(line_width - line_width % 2, typeface.height)
        self._time = Digits(self._line, after_name, typeface, 8)
        self._number = Digits(self._line, after_time, typeface, 8)
        self._second = -1
        top = 2 * self._block_rows
        self._top = min(top - top % 2, height - typeface.height)
        if name:
            self._line.put(gap, name)

    def draw(self, frame: VideoFrame, count: int, wall_time: float) -> None:
        """Write picture number `count` and the local time of `wall_time` (Unix seconds) into `frame`."""
        second = int(wall_time)
        if second != self._second:
            self._second = second
            self._time.show(time.strftime("%H:%M:%S", time.localtime(second)))
        self._number.show(f"{count:08d}")
        luma, *chroma = frame.planes
        _copy(memoryview(luma), luma.line_size, 0, [self._blocks(count)] * self._block_rows)
        _copy(memoryview(luma), luma.line_size, self._top, self._line.rows)
        for plane in chroma:
            grey = _GREY * ((self._block_edges[-1] + 1) // 2)
            _copy(memoryview(plane), plane.line_size, 0, [grey] * ((self._block_rows + 1) // 2))
            grey = _GREY * (self._line.width // 2)
            _copy(memoryview(plane), plane.line_size, self._top // 2, [grey] * (self._line.height // 2))

    def _blocks(self, count: int) -> bytes:
        edges = self._block_edges
        return b"".join(
            bytes([counter.WHITE if white else counter.BLACK]) * (edges[block + 1] - edges[block])
            for block, white in enumerate(counter.bits(count))
        )


def _copy(plane: memoryview, stride: int, top: int, rows: Sequence[bytes | memoryview]) -> None:
    """Put `rows` at the left edge of `plane`, from row `top` on."""
    start = top * stride
    for row in rows:
        plane[start : start + len(row)] = row
        start += stride
