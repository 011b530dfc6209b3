import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemeet.media.layers import encodings


def layers(width, height, fps=30, *, multistream=True, max_bitrate=None, codec="h264"):
    return [
        (layer.width, layer.height, layer.fps, layer.max_bitrate // 1000, layer.scale)
        for layer in encodings(
            width, height, fps, multistream=multistream, codec=codec, max_bitrate=max_bitrate
        )
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1920, 1080), [(640, 360, 20, 400, 3), (960, 540, 25, 550, 2), (1920, 1080, 30, 2200, 1)]),
        ((1280, 720), [(320, 180, 15, 150, 4), (640, 360, 20, 400, 2), (1280, 720, 30, 1500, 1)]),
        ((960, 540), [(320, 180, 15, 150, 3), (640, 360, 20, 400, 1.5), (960, 540, 25, 550, 1)]),
        ((640, 480), [(240, 180, 15, 150, 2.67), (640, 480, 25, 500, 1)]),
        ((640, 360), [(320, 180, 15, 150, 2), (640, 360, 20, 400, 1)]),
        ((320, 180), [(320, 180, 15, 150, 1)]),
        ((1280, 704), [(320, 176, 15, 150, 4), (640, 352, 20, 400, 2), (1280, 704, 30, 1500, 1)]),
    ],
)
@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_multistream_layers_are_the_vendors(size, expected, codec):
    assert layers(*size, codec=codec) == expected


@pytest.mark.parametrize(
    ("size", "kilobits"),
    [
        ((1920, 1080), 2200),
        ((1280, 720), 1500),
        ((960, 540), 550),
        ((640, 480), 500),
        ((640, 360), 400),
        ((320, 180), 150),
        ((160, 120), 150),
    ],
)
def test_a_single_stream_has_the_vendors_rate_and_its_own_frame_rate(size, kilobits):
    assert layers(*size, fps=24, multistream=False) == [(*size, 24, kilobits, 1)]


def test_a_slow_camera_holds_every_layer_back():
    assert [layer[2] for layer in layers(1280, 720, fps=10)] == [10, 10, 10]


def test_a_limit_replaces_the_top_and_drops_layers_that_are_no_cheaper():
    assert layers(1280, 720, max_bitrate=400_000) == [(320, 180, 15, 150, 4), (1280, 720, 30, 400, 1)]
    assert layers(1280, 720, max_bitrate=3_000_000)[-1][3] == 3000
    assert layers(1280, 720, max_bitrate=100_000) == [(1280, 720, 30, 100, 1)]


@pytest.mark.parametrize("arguments", [(0, 720, 30), (1280, 8, 30), (1280, 720, 0)])
def test_what_no_encoder_takes_is_refused(arguments):
    with pytest.raises(ValueError, match="no encodings"):
        encodings(*arguments, multistream=True, codec="h264", max_bitrate=None)


@settings(deadline=None)  # the machine may be busy
@given(
    st.integers(16, 4096),
    st.integers(16, 4096),
    st.integers(1, 120),
    st.booleans(),
    st.none() | st.integers(1, 10_000_000),
)
def test_layers_are_even_within_the_capture_and_ascending(width, height, fps, multistream, limit):
    found = encodings(width, height, fps, multistream=multistream, codec="vp8", max_bitrate=limit)
    assert found
    for layer in found:
        assert layer.width % 2 == layer.height % 2 == 0
        assert 2 <= layer.width <= width
        assert 2 <= layer.height <= height
        assert 0 < layer.fps <= fps
    rates = [layer.max_bitrate for layer in found]
    assert rates == sorted(set(rates))
    assert limit is None or rates[-1] == limit
