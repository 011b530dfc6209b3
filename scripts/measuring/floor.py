"""The floor: the device's own encoders with its settings, alone in a process, fed the same pictures.

    python -m measuring.floor PICTURES h264|vp8 1|3 SECONDS camera|paced|hurried

Prints the seconds of processor time for a minute of pictures, and the bits a second that came out. They come
from the very camera that a measured daemon has: one each thirtieth of a second, so that the processor sleeps
and forgets between them, and each copied once. With `paced` they lie ready and are not copied; with `hurried`
they do, and come as fast as they are encoded.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, get_args

from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from pydantic import BaseModel, ConfigDict

from edgemeet.encoded import VideoCodec, VideoEncoding
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.layers import encodings
from edgemeet.media.pacing import Pacer
from edgemeet.media.plan import camera_plan
from measuring.inserted.prepared_camera import PatternCamera
from measuring.picture import BITRATE, FPS, HEIGHT, WIDTH, read_pictures

Feed = Literal["camera", "paced", "hurried"]


class Floor(BaseModel):
    """What it prints."""

    model_config = ConfigDict(frozen=True)

    cpu_per_minute: float
    kilobits: float


def layers_of(codec: VideoCodec, layers: int) -> tuple[VideoEncoding, ...]:
    """VideoSDK's, as the device sends them."""
    return encodings(WIDTH, HEIGHT, FPS, multistream=layers > 1, codec=codec, max_bitrate=BITRATE)


def fed(raw: Path, wanted: tuple[VideoEncoding, ...], feed: Feed) -> Iterator[VideoFrame]:
    """The pictures, for ever."""
    if feed == "camera":
        os.environ["MEASURED_PICTURES"] = str(raw)
        camera = PatternCamera(
            camera_plan(source="test", encodings=wanted, width=WIDTH, height=HEIGHT, fps=FPS)
        )
        while True:
            yield camera.read().frame
    frames = itertools.cycle(read_pictures(raw))
    pacer = Pacer(FPS, slack=FPS)
    for frame in frames:
        if feed == "paced":
            pacer.wait()
        yield frame


def encode(raw: Path, codec: VideoCodec, layers: int, seconds: float, feed: Feed) -> Floor:
    """Encode so many seconds of pictures in each layer, scaled from the full size."""
    wanted = layers_of(codec, layers)
    pictures = fed(raw, wanted, feed)
    first = next(pictures)  # with all that is read and opened for it
    encoders: list[VideoEncoder] = [X264Encoder(e) if codec == "h264" else VpxEncoder(e) for e in wanted]
    began = time.process_time()
    octets = _encode(
        itertools.chain((first,), itertools.islice(pictures, round(seconds * FPS) - 1)), wanted, encoders
    )
    used = time.process_time() - began
    return Floor(cpu_per_minute=60 * used / seconds, kilobits=8 * octets / seconds / 1000)


def _encode(
    pictures: Iterable[VideoFrame], wanted: tuple[VideoEncoding, ...], encoders: list[VideoEncoder]
) -> int:
    """How many bytes came out."""
    scalers = [VideoReformatter() for _ in wanted]
    credit = [0] * len(wanted)
    octets = 0
    for frame in pictures:
        for index, encoding in enumerate(wanted):
            credit[index] += encoding.fps
            if credit[index] < FPS:
                continue
            credit[index] -= FPS
            size = (encoding.width, encoding.height)
            picture = frame
            if size != (WIDTH, HEIGHT):
                picture = scalers[index].reformat(
                    frame, *size, "yuv420p", interpolation=Interpolation.FAST_BILINEAR
                )
            octets += sum(len(each.data) for each in encoders[index].encode(picture, keyframe=False))
    return octets


def main() -> None:
    raw, codec, layers, seconds, feed = sys.argv[1:]
    assert codec in get_args(VideoCodec)
    assert feed in get_args(Feed)
    chosen: VideoCodec = "h264" if codec == "h264" else "vp8"
    fed_by: Feed = "camera" if feed == "camera" else "paced" if feed == "paced" else "hurried"
    print(encode(Path(raw), chosen, int(layers), float(seconds), fed_by).model_dump_json())


if __name__ == "__main__":
    main()
