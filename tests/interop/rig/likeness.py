"""How much pictures look like what they were made of: SSIM and PSNR by libav, VMAF by another program."""

from __future__ import annotations

import math
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph

_EVERY = 3  # pictures; VMAF takes ten times as long as an encoder
_SCORE = re.compile(r"VMAF score: ([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of luma: structural similarity (Wang et al., 2004), 1 for the same picture; mean squared error."""

    ssim: float
    error: float


def psnr(likenesses: Sequence[Likeness]) -> float:
    """In dB, of the mean error of several pictures; infinite for the same ones."""
    error = sum(each.error for each in likenesses) / len(likenesses)
    return 10 * math.log10(255**2 / error) if error else math.inf


class Comparison:
    """By libav's filters `ssim` and `psnr`."""

    def __init__(self, width: int, height: int) -> None:
        self._graph = Graph()  # kept: libav frees what is in it
        time_base = Fraction(1, 30)
        made, meant = (
            self._graph.add_buffer(
                width=width, height=height, format=av.VideoFormat("yuv420p"), name=name, time_base=time_base
            )
            for name in ("made", "meant")
        )
        split, split_again = self._graph.add("split"), self._graph.add("split")
        made.link_to(split)
        meant.link_to(split_again)
        self._sinks = []
        for output, name in enumerate(("ssim", "psnr")):
            compare, sink = self._graph.add(name), self._graph.add("buffersink")
            split.link_to(compare, output, 0)
            split_again.link_to(compare, output, 1)
            compare.link_to(sink)
            self._sinks.append(sink)
        self._graph.configure()
        self._inputs = (made, meant)
        self._time_base = time_base
        self._count = 0

    def of(self, made: av.VideoFrame, meant: av.VideoFrame) -> Likeness:
        """Of one pair."""
        for frame, entry in zip((made, meant), self._inputs, strict=True):
            frame.pts, frame.time_base = self._count, self._time_base
            entry.push(frame)
        self._count += 1
        told: dict[str, str] = {}
        for sink in self._sinks:
            compared = sink.pull()
            assert isinstance(compared, av.VideoFrame)
            told |= compared.metadata
        return Likeness(float(told["lavfi.ssim.Y"]), float(told["lavfi.psnr.mse.y"]))


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
