"""The floor: the device's own encoders with its settings, alone in a process, fed the same pictures.

    python -m measuring.floor PICTURES h264|vp8 1|3 SECONDS [--paced]

Prints the seconds of processor time for a minute of pictures, and the bits a second that came out. Pictures
lie ready in memory and nothing else happens. `--paced` gives one each thirtieth of a second, as a camera does
and lets the processor sleep and forget between them; without it they come as fast as they are encoded.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from av.video.reformatter import Interpolation, VideoReformatter
from pydantic import BaseModel, ConfigDict

from edgemeet.encoded import VideoCodec, VideoEncoding
from edgemeet.media.encoders.protocols import VideoEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.layers import encodings
from edgemeet.media.pacing import Pacer
from measuring.picture import BITRATE, FPS, HEIGHT, WIDTH, read_pictures


class Floor(BaseModel):
    """What it prints."""

    model_config = ConfigDict(frozen=True)

    cpu_per_minute: float
    kilobits: float


def layers_of(codec: VideoCodec, layers: int) -> tuple[VideoEncoding, ...]:
    """VideoSDK's, as the device sends them."""
    return encodings(WIDTH, HEIGHT, FPS, multistream=layers > 1, codec=codec, max_bitrate=BITRATE)


def encode(raw: Path, codec: VideoCodec, layers: int, seconds: float, *, paced: bool) -> Floor:
    """Encode so many seconds of pictures in each layer, scaled from the full size."""
    frames = read_pictures(raw)
    wanted = layers_of(codec, layers)
    encoders: list[VideoEncoder] = [X264Encoder(e) if codec == "h264" else VpxEncoder(e) for e in wanted]
    scalers = [VideoReformatter() for _ in wanted]
    credit = [0] * len(wanted)
    pictures = round(seconds * FPS)
    octets = 0
    pacer = Pacer(FPS, slack=FPS)
    began = time.process_time()
    for number in range(pictures):
        if paced:
            pacer.wait()
        frame = frames[number % len(frames)]
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
    used = time.process_time() - began
    return Floor(cpu_per_minute=60 * used / seconds, kilobits=8 * octets / seconds / 1000)


def main() -> None:
    raw, codec, layers, seconds, *flags = sys.argv[1:]
    assert codec in {"h264", "vp8"}
    chosen: VideoCodec = "h264" if codec == "h264" else "vp8"
    print(encode(Path(raw), chosen, int(layers), float(seconds), paced="--paced" in flags).model_dump_json())


if __name__ == "__main__":
    main()
