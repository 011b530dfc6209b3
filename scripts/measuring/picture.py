"""What every sender is fed: a moving pattern with noise, 1280x720, 30 a second, made beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

from av import VideoFrame
from av import open as open_media
from av.filter import Graph

from edgemeet.media.encoders.x264 import level

WIDTH: Final = 1280
HEIGHT: Final = 720
FPS: Final = 30
BITRATE: Final = 1_500_000  # bits per second, VideoSDK's for this size
PICTURES: Final = 90  # three seconds, over and over
FRAME_BYTES: Final = WIDTH * HEIGHT * 3 // 2
_NOISE = 12  # of 255, new in each picture


def generate(pictures: int = PICTURES) -> Iterator[VideoFrame]:
    """libav's moving test pattern under noise."""
    graph = Graph()
    nodes = [
        graph.add("testsrc2", f"size={WIDTH}x{HEIGHT}:rate={FPS}"),
        graph.add("noise", f"alls={_NOISE}:allf=t:all_seed=1"),
        graph.add("format", "pix_fmts=yuv420p"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes)
    graph.configure()
    for _ in range(pictures):
        yield graph.vpull()


def pixels(frame: VideoFrame) -> bytes:
    """Rows of luma, then both of chroma, without the gaps that libav leaves at their ends."""
    rows = []
    for plane in frame.planes:
        data, stride = memoryview(plane), plane.line_size
        rows += [data[row * stride : row * stride + plane.width] for row in range(plane.height)]
    return b"".join(rows)


def write_pictures(raw: Path, y4m: Path | None = None) -> None:
    """The pictures one behind the other, and the same as Chromium's fake camera reads them."""
    with raw.open("wb") as file:
        for frame in generate():
            file.write(pixels(frame))
    if y4m is not None:
        with raw.open("rb") as source, y4m.open("wb") as file:
            file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
            while picture := source.read(FRAME_BYTES):
                file.write(b"FRAME\n" + picture)


def read_pictures(raw: Path) -> list[VideoFrame]:
    """All of them in memory."""
    data = raw.read_bytes()
    return [frame_of(data[at : at + FRAME_BYTES]) for at in range(0, len(data), FRAME_BYTES)]


def frame_of(data: bytes) -> VideoFrame:
    """A frame with these pixels, copied: rows of this width have no gaps in libav."""
    frame = VideoFrame(WIDTH, HEIGHT, "yuv420p")
    luma, quarter = WIDTH * HEIGHT, WIDTH * HEIGHT // 4
    for plane, start, length in zip(
        frame.planes, (0, luma, luma + quarter), (luma, quarter, quarter), strict=True
    ):
        plane.update(data[start : start + length])
    return frame


def write_film(raw: Path, film: Path) -> None:
    """Ten seconds of them in H.264 that a device passes on untouched, a keyframe every two seconds."""
    frames = read_pictures(raw)
    with open_media(str(film), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate, stream.time_base = BITRATE, Fraction(1, FPS)
        stream.options = {
            "preset": "ultrafast",
            "profile": "baseline",
            "level": level(WIDTH, HEIGHT, FPS),
            "maxrate": str(BITRATE),
            "bufsize": str(BITRATE // 4),
            "bf": "0",
            "g": str(2 * FPS),
        }
        for number in range(10 * FPS):
            frame = frames[number % PICTURES]
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
