"""Pictures that are hard to encode."""

from __future__ import annotations

from collections.abc import Iterator

from av import VideoFrame
from av.filter import Graph


def noisy_pictures(width: int = 320, height: int = 180, fps: int = 30) -> Iterator[VideoFrame]:
    """libav's moving test pattern under noise that is new in each picture; the same ones each time."""
    graph = Graph()
    nodes = [
        graph.add("testsrc2", f"size={width}x{height}:rate={fps}"),
        graph.add("noise", "alls=25:allf=t:all_seed=1"),
        graph.add("format", "pix_fmts=yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes)
    graph.configure()
    while True:
        yield graph.vpull()
