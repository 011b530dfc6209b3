import math
from array import array

import pytest
from rigging.pictures import noisy_pictures

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.errors import DeviceFailed, DeviceNotInstalled
from edgemeet.media import annexb
from edgemeet.media.encoders import libopus
from edgemeet.media.encoders.choice import video_encoder
from edgemeet.media.encoders.opus import opus_encoder
from edgemeet.media.encoders.opus_libav import LibavOpusEncoder
from edgemeet.media.encoders.vpx import VpxEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources.pattern import _testsrc2

ENCODING = VideoEncoding(width=640, height=360, fps=30, max_bitrate=800_000)


@pytest.fixture
def pictures():
    graph = _testsrc2(640, 360, 30)
    return iter(graph.vpull, None)


def encode(encoder, pictures, count, *, keyframe=False):
    units = []
    for _ in range(count):
        units += encoder.encode(next(pictures), keyframe=keyframe)
    return units


def kilobits_per_second(units):
    return sum(len(unit.data) for unit in units) * 8 * 30 / len(units) / 1000


def test_x264_follows_a_rate_without_a_keyframe(pictures):
    encoder = X264Encoder(ENCODING)
    encode(encoder, pictures, 90)
    high = encode(encoder, pictures, 60)
    encoder.set_bitrate(250_000)
    settling = encode(encoder, pictures, 40)
    low = encode(encoder, pictures, 60)
    encoder.set_bitrate(700_000)
    encode(encoder, pictures, 75)  # x264 climbs within 3 s
    recovered = encode(encoder, pictures, 60)
    assert not any(unit.keyframe for unit in high + settling + low)  # the next one of itself is at 300
    assert not any(annexb.SPS in annexb.nal_types(unit.data) for unit in settling + low)
    assert kilobits_per_second(high) == pytest.approx(800, rel=0.25)
    assert kilobits_per_second(low) == pytest.approx(250, rel=0.25)
    assert kilobits_per_second(recovered) > 500


def test_x264_gives_what_42e01f_promises(pictures):
    (first,) = encode(X264Encoder(ENCODING), pictures, 1)
    assert first.keyframe
    types = list(annexb.nal_types(first.data))
    assert types[:2] == [annexb.SPS, annexb.PPS]
    assert types[-1] == annexb.IDR_SLICE
    profile, constraints, level = first.data[5:8]
    assert profile == 66
    assert constraints & 0xC0 == 0xC0  # constrained baseline
    assert level == 31


@pytest.mark.parametrize("make", [X264Encoder, VpxEncoder])
def test_a_keyframe_comes_when_it_is_asked_for(pictures, make):
    encoder = make(ENCODING)
    units = encode(encoder, pictures, 20)
    units += encode(encoder, pictures, 1, keyframe=True)
    units += encode(encoder, pictures, 20)
    assert [i for i, unit in enumerate(units) if unit.keyframe] == [0, 20]
    if make is X264Encoder:
        assert list(annexb.nal_types(units[20].data))[:2] == [annexb.SPS, annexb.PPS]


def test_vp8_follows_a_rate_with_one_new_keyframe(pictures):
    encoder = VpxEncoder(ENCODING)
    encode(encoder, pictures, 60)
    high = encode(encoder, pictures, 30)
    encoder.set_bitrate(780_000)  # too little to be worth a keyframe
    same = encode(encoder, pictures, 5)
    encoder.set_bitrate(300_000)
    change = encode(encoder, pictures, 30)
    low = encode(encoder, pictures, 60)
    assert not any(unit.keyframe for unit in same + low)
    assert [i for i, unit in enumerate(change) if unit.keyframe] == [0]
    assert kilobits_per_second(high) == pytest.approx(800, rel=0.25)
    assert kilobits_per_second(low) == pytest.approx(300, rel=0.25)


def test_vp8_leaves_pictures_out_where_the_coarsest_would_exceed_the_rate(decode_video):
    rate = 60_000
    encoder = VpxEncoder(VideoEncoding(width=320, height=180, fps=30, max_bitrate=rate))
    pictures = noisy_pictures()
    settling = encode(encoder, pictures, 120)
    units = encode(encoder, pictures, 180)
    assert 18 <= len(units) < 150
    assert sum(len(unit.data) for unit in units) * 8 / 6 < 1.25 * rate
    for _ in range(5):  # one that was asked for is never left out
        (wanted,) = encode(encoder, pictures, 1, keyframe=True)
        assert wanted.keyframe
    everything = [AccessUnit(0, 0.0, unit.keyframe, unit.data) for unit in settling + units]
    assert len(decode_video(everything, "vp8")) == len(everything)


def test_pictures_of_every_codec_can_be_decoded(pictures, decode_video):
    for make, codec in ((X264Encoder, "h264"), (VpxEncoder, "vp8")):
        units = [AccessUnit(0, 0.0, u.keyframe, u.data) for u in encode(make(ENCODING), pictures, 10)]
        frames = decode_video(units, codec)
        assert len(frames) == 10
        assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}


@pytest.mark.parametrize(("codec", "encoder"), [("vp8", "x264"), ("h264", "vpx"), ("h264", "v4l2m2m")])
def test_an_encoder_that_is_not_there_is_named(codec, encoder):
    plan = camera_plan(encodings=[ENCODING], codec=codec, encoder=encoder)
    with pytest.raises(DeviceNotInstalled, match=encoder):
        video_encoder(plan, ENCODING)


def of_libopus(rate):
    library = libopus.load()
    assert library is not None
    return libopus.LibopusEncoder(rate, library)


either_opus = pytest.mark.parametrize("opus", [of_libopus, LibavOpusEncoder])


@either_opus
def test_opus_gives_one_packet_per_period_at_its_rate(opus):
    encoder = opus(32_000)
    packets = []
    for period in range(100):
        samples = array(
            "h",
            (
                round(8000 * math.sin(i * i / 5e7) + 4000 * math.sin(i / 7))
                for i in range(period * 960, period * 960 + 960)
            ),
        )
        packets += encoder.encode(samples)
    assert len(packets) == 100
    assert sum(map(len, packets)) * 8 / 2 == pytest.approx(32_000, rel=0.3)
    # RFC 6716, section 3.1: frames of 20 ms, one frame in a packet, not stereo.
    assert {packet[0] & 0x07 for packet in packets} == {0}


@either_opus
def test_opus_changes_its_rate(opus):
    encoder = opus(64_000)
    noise = array("h", ((i * 7919) % 16001 - 8000 for i in range(960)))
    high = [p for _ in range(50) for p in encoder.encode(noise)]
    encoder.set_bitrate(16_000)
    low = [p for _ in range(50) for p in encoder.encode(noise)]
    assert len(high) == len(low) == 50
    assert sum(map(len, low)) < 0.5 * sum(map(len, high))


@either_opus
@pytest.mark.parametrize("rate", [24_000, 32_000, 64_000])
def test_opus_repeats_voice_in_the_packet_that_follows(rate, opus):
    """In-band FEC: a viewer that misses a packet finds a coarser copy of it in the next one."""
    encoder = opus(rate)
    packets = []
    for period in range(100):  # syllables, two a second, of twelve harmonics of 120 Hz
        moments = [sample / 48_000 for sample in range(period * 960, period * 960 + 960)]
        packets += encoder.encode(
            array(
                "h",
                (
                    round(
                        4500
                        * max(0.0, math.sin(4 * math.pi * t))
                        * sum(math.sin(240 * math.pi * n * t) / n for n in range(1, 13))
                    )
                    for t in moments
                ),
            )
        )
    # RFC 6716, sections 3.1 and 4.2.3: not CELT alone, and the LBRR flag behind the one of voice activity.
    repeating = [packet for packet in packets if packet[0] >> 3 < 16 and packet[1] & 0x40]
    assert len(repeating) > 25


def test_opus_is_the_same_without_libav():
    chirp = [
        array("h", (round(9000 * math.sin(i * i / 3e7)) for i in range(period * 960, period * 960 + 960)))
        for period in range(50)
    ]
    direct, through_libav = of_libopus(32_000), LibavOpusEncoder(32_000)
    # Of one library: PyAV's own, which is what both use where it came as a wheel.
    assert [p for period in chirp for p in direct.encode(period)] == [
        p for period in chirp for p in through_libav.encode(period)
    ]


def test_opus_comes_from_libav_where_libopus_cannot_be_loaded(monkeypatch):
    monkeypatch.setattr(libopus, "_places", lambda: ["/none/libopus.so.0", "libc.so.6"])
    assert libopus.load() is None
    assert isinstance(opus_encoder(32_000), LibavOpusEncoder)


def test_opus_is_loaded_by_itself():
    assert isinstance(opus_encoder(32_000), libopus.LibopusEncoder)


def test_opus_sends_no_silence_and_at_once_what_follows_it():
    encoder = of_libopus(32_000)
    silence = array("h", bytes(2 * 960))
    tone = [
        array("h", (round(9000 * math.sin(i * 0.06)) for i in range(n * 960, n * 960 + 960)))
        for n in range(10)
    ]
    sent = [len(encoder.encode(period)) for period in [*tone, *[silence] * 150, *tone]]
    assert sent[:20] == [1] * 20
    assert 3 <= sum(sent[60:160]) <= 8  # every 400 ms
    assert sent[160:] == [1] * 10


def test_opus_refuses_what_it_cannot_encode():
    encoder = of_libopus(32_000)
    with pytest.raises(DeviceFailed, match="960"):
        encoder.encode(array("h", bytes(2 * 480)))
    with pytest.raises(DeviceFailed, match="-5 bits"):
        encoder.set_bitrate(-5)
