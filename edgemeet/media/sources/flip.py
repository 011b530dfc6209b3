"""Turning pictures over, for cameras that do not do it themselves."""

from __future__ import annotations

from fractions import Fraction

from av import VideoFormat, VideoFrame
from av.filter import Graph


class Flip:
    """Mirrors pictures of one size and format, left to right, upside down, or both (a turn by 180°)."""

    def __init__(self, *, horizontal: bool, vertical: bool) -> None:
        self._filters = [name for name, on in (("hflip", horizontal), ("vflip", vertical)) if on]
        self._graph: Graph | None = None

    @property
    def needed(self) -> bool:
        """Whether there is anything to turn over."""
        return bool(self._filters)

    def apply(self, frame: VideoFrame) -> VideoFrame:
        """The picture, turned over; the same one when there is nothing to do."""
        if not self._filters:
            return frame
        if self._graph is None:
            self._graph = self._build(frame)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _build(self, frame: VideoFrame) -> Graph:
        graph = Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=VideoFormat(frame.format.name),
                time_base=Fraction(1, 1_000_000),
            ),
            *(graph.add(name) for name in self._filters),
            # libav's vflip gives rows that count backwards, which not everything that reads pictures expects.
            graph.add("copy"),
            graph.add("buffersink"),
        )
        graph.configure()
        return graph
