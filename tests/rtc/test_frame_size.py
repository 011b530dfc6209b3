from __future__ import annotations

from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.encoded import VideoCodec
from edgemeet.rtc.frame_size import frame_size


def keyframe(codec: VideoCodec, width: int, height: int, profile: str | None = None) -> bytes:
    name = "libx264" if codec == "h264" else "libvpx"
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = Fraction(1, 30)
    if codec == "h264":
        context.options = {"preset": "ultrafast", "tune": "zerolatency"}
        context.profile = profile
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


@pytest.mark.parametrize(("width", "height"), [(320, 180), (640, 360), (960, 540), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize(
    ("codec", "profile"), [("h264", "Baseline"), ("h264", "Main"), ("h264", "High"), ("vp8", None)]
)
def test_real_encoders(codec: VideoCodec, profile: str | None, width: int, height: int) -> None:
    assert frame_size(codec, keyframe(codec, width, height, profile)) == (width, height)


@given(st.sampled_from(["h264", "vp8"]), st.binary(max_size=64))
def test_rubbish_has_no_size_and_is_no_error(codec: VideoCodec, data: bytes) -> None:
    frame_size(codec, data)
    frame_size(codec, b"\0\0\1\x67" + data)
