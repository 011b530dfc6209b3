"""The picture that stands in for a lost camera: drawn and encoded once, for all layers.

Costs some 10 ms for each layer and loads libav: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from av import VideoFrame
from PIL import Image, ImageDraw, ImageFont

from edgemeet.encoded import VideoCodec, VideoEncoding
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder

_BACKGROUND, _TITLE, _TEXT = 40, 235, 180  # luma
_GREY = b"\x80"
_MARGIN = 0.92  # of the width that a line may take
_SMALLEST_LETTERS = 6  # pixels; below it nobody reads them anyway

# Two IDR pictures in a row must have different idr_pic_id (ITU-T H.264, 7.4.3), so there are two to take
# turns. VP8 has no such rule.
_COPIES = {"h264": 2, "vp8": 1}


@dataclass(frozen=True, slots=True)
class Notice:
    """What the still says, in three lines."""

    title: str
    text: str
    reason: str


def encode_still(
    notice: Notice, encodings: Sequence[VideoEncoding], codec: VideoCodec
) -> tuple[tuple[bytes, ...], ...]:
    """For each encoding the still as keyframes to be sent in turn.

    Encoded in software whatever the camera's encoder is: one picture is no load, and hardware may be what
    is lost.

    Raises:
        DeviceFailed: the encoder refuses.
    """
    return tuple(_encode(notice, encoding, codec) for encoding in encodings)


def _encode(notice: Notice, encoding: VideoEncoding, codec: VideoCodec) -> tuple[bytes, ...]:
    # One picture a second, so that the rate's buffer of a second is all one picture's.
    slow = replace(encoding, fps=1)
    encoder: VideoEncoder = X264Encoder(slow) if codec == "h264" else VpxEncoder(slow)
    frame = _frame(draw(notice, encoding.width, encoding.height))
    return tuple(
        encoded.data for _ in range(_COPIES[codec]) for encoded in encoder.encode(frame, keyframe=True)
    )


def draw(notice: Notice, width: int, height: int) -> Image.Image:
    """The still in luma, with Pillow's own font."""
    image = Image.new("L", (width, height), _BACKGROUND)
    drawing = ImageDraw.Draw(image)
    for text, place, size, luma in (
        (notice.title, 0.36, 0.13, _TITLE),
        (notice.text, 0.56, 0.07, _TEXT),
        (notice.reason, 0.68, 0.06, _TEXT),
    ):
        font = _fitting(text, size * height, width * _MARGIN)
        drawing.text((width / 2, place * height), text, fill=luma, font=font, anchor="mm")
    return image


def _fitting(text: str, size: float, width: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font at `size` pixels, or smaller where the text would be wider than `width`."""
    size = max(_SMALLEST_LETTERS, size)
    wide = ImageFont.load_default(size).getbbox(text)[2]
    return ImageFont.load_default(max(_SMALLEST_LETTERS, size * min(1.0, width / max(1.0, wide))))


def _frame(image: Image.Image) -> VideoFrame:
    frame = VideoFrame(image.width, image.height, "yuv420p")
    luma, *chroma = frame.planes
    rows, plane = image.tobytes(), memoryview(luma)
    for row in range(image.height):
        start = row * luma.line_size
        plane[start : start + image.width] = rows[row * image.width : (row + 1) * image.width]
    for part in chroma:
        part.update(_GREY * part.buffer_size)
    return frame
