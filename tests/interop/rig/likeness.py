"""How much pictures look like those they were made of: SSIM by libav, VMAF by a program that knows it."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph

_EVERY = 3  # pictures; VMAF takes ten times as long as an encoder
_SCORE = re.compile(r"VMAF score: ([0-9.]+)")


class Ssim:
    """Structural similarity of luma (Wang et al., 2004) by libav's `ssim`: 1 for the same picture."""

    def __init__(self, width: int, height: int) -> None:
        self._graph = Graph()  # kept: libav frees what is in it
        time_base = Fraction(1, 30)
        made, meant = (
            self._graph.add_buffer(
                width=width, height=height, format=av.VideoFormat("yuv420p"), name=name, time_base=time_base
            )
            for name in ("made", "meant")
        )
        compare, self._sink = self._graph.add("ssim"), self._graph.add("buffersink")
        made.link_to(compare, 0, 0)
        meant.link_to(compare, 0, 1)
        compare.link_to(self._sink)
        self._graph.configure()
        self._inputs = (made, meant)
        self._time_base = time_base
        self._count = 0

    def of(self, made: av.VideoFrame, meant: av.VideoFrame) -> float:
        """Of one pair."""
        for frame, entry in zip((made, meant), self._inputs, strict=True):
            frame.pts, frame.time_base = self._count, self._time_base
            entry.push(frame)
        self._count += 1
        compared = self._sink.pull()
        assert isinstance(compared, av.VideoFrame)
        return float(compared.metadata["lavfi.ssim.Y"])


def vmaf(program: Path, made: Sequence[av.VideoFrame], meant: Sequence[av.VideoFrame]) -> float:
    """VMAF (model of the library's choice), 0 to 100, the mean over every third picture.

    Args:
        program: an ffmpeg with libvmaf.
        made: what came out.
        meant: what went in.
    """
    width, height = meant[0].width, meant[0].height
    raw = ("-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", "30")
    with tempfile.TemporaryDirectory(prefix="edgemeet-") as folder:
        paths = [Path(folder, name) for name in ("made", "meant")]
        for path, frames in zip(paths, (made, meant), strict=True):
            with path.open("wb") as file:
                for frame in frames[::_EVERY]:
                    file.write(_bytes(frame))
        inputs = (*raw, "-i", str(paths[0]), *raw, "-i", str(paths[1]))
        compare = ("-lavfi", "[0:v][1:v]libvmaf=n_threads=2", "-f", "null", "-")
        done = subprocess.run(
            (str(program), "-hide_banner", "-nostats", *inputs, *compare),
            capture_output=True,
            text=True,
            check=True,
        )
    found = _SCORE.search(done.stderr)
    assert found is not None, done.stderr[-2000:]
    return float(found[1])


def _bytes(frame: av.VideoFrame) -> bytes:
    """The pixels alone, without what stands between rows."""
    return b"".join(
        memoryview(plane)[row * plane.line_size : row * plane.line_size + plane.width]
        for plane in frame.planes
        for row in range(plane.height)
    )
