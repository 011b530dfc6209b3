"""libav's frames on memory that is mapped already: pictures are not copied on their way to the encoder."""

from __future__ import annotations

from typing import Any

from av import VideoFrame

# libcamera's names of the formats that the encoders take, and libav's.
PIXEL_FORMATS = {"YUV420": "yuv420p", "NV12": "nv12"}


def frame_on(memory: Any, width: int, height: int, stride: int, pixel_format: str) -> VideoFrame:
    """A frame whose pixels are `memory`, which must stay as it is while the frame is used.

    Args:
        memory: a numpy array of bytes; numpy is no dependency of ours, it comes with picamera2.
        width: of the picture in pixels, even.
        height: of the picture in pixels, even.
        stride: bytes from one row of luma to the next.
        pixel_format: "yuv420p" or "nv12", chroma right behind luma.
    """
    rows = memory[: stride * height * 3 // 2].reshape(height * 3 // 2, stride)
    if height % 4 == 0:
        return VideoFrame.from_numpy_buffer(rows, format=pixel_format, width=width)
    return _copied(rows, width, height, pixel_format)  # PyAV reckons other heights wrong


def _copied(rows: Any, width: int, height: int, pixel_format: str) -> VideoFrame:
    frame = VideoFrame(width, height, pixel_format)
    data = memoryview(rows).cast("B")
    start = 0
    for index, plane in enumerate(frame.planes):
        planar_chroma = index > 0 and pixel_format == "yuv420p"
        stride = rows.shape[1] // 2 if planar_chroma else rows.shape[1]
        length = width // 2 if planar_chroma else width
        target = memoryview(plane)
        for row in range(plane.height):
            target[row * plane.line_size : row * plane.line_size + length] = data[start : start + length]
            start += stride
    return frame
