import itertools
import math
import time
import wave
from array import array
from fractions import Fraction
from pathlib import Path

import av
import pytest
from rigging.plans import SMALL, small_camera

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import (
    DeviceBusy,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    FormatNotOffered,
)
from edgemeet.media import annexb
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.plan import PERIOD_NS, microphone_plan
from edgemeet.media.sources.alsa import AlsaMicrophone, PcmFormat
from edgemeet.media.sources.choice import camera_source, microphone_source
from edgemeet.media.sources.pattern import Overlay, PatternCamera, _testsrc2
from edgemeet.media.sources.video_file import DecodedFileCamera, EncodedFileCamera


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (640, 480), (854, 480), (320, 180), (160, 120)])
def test_the_test_picture_counts_at_every_size(size, counter_of):
    camera = PatternCamera(small_camera(width=size[0], height=size[1], fps=1000, label="a camera"))
    counts = [counter_of(camera.read().frame) for _ in range(5)]
    assert counts == [0, 1, 2, 3, 4]


def test_the_counter_survives_scaling(counter_of):
    graph, overlay = _testsrc2(1280, 720, 30), Overlay(1280, 720, "name")
    for count in (0, 1, 0x555555, 0xAAAAAA, 0xFFFFFF):
        frame = graph.vpull()
        overlay.draw(frame, count, 0.0)
        for width, height in ((640, 360), (320, 180), (426, 240)):
            assert counter_of(frame.reformat(width, height)) == count


def test_the_text_shows_time_and_number_and_is_drawn_anew_only_where_it_changed():
    overlay = Overlay(1280, 720, "kitchen")
    frame = _testsrc2(1280, 720, 30).vpull()

    def line(count, wall_time):
        overlay.draw(frame, count, wall_time)
        return b"".join(bytes(row) for row in overlay._line.rows)

    first, same, other_number, other_second = (
        line(1, 1000.0),
        line(1, 1000.9),
        line(2, 1000.9),
        line(2, 1001.0),
    )
    assert first == same
    assert first != other_number != other_second
    unnamed = Overlay(1280, 720, "")
    unnamed.draw(frame, 1, 1000.0)
    assert unnamed._line.width < overlay._line.width


def test_the_test_picture_is_paced():
    camera = PatternCamera(small_camera(fps=50))
    start = time.monotonic()
    captured = [camera.read().captured_ns for _ in range(26)]
    assert time.monotonic() - start >= 0.49
    assert all((b - a) % 20_000_000 == 0 for a, b in itertools.pairwise(captured))


def write_video(path: Path, encoder: str = "libx264", profile: str = "baseline", count: int = 30) -> Path:
    graph, overlay = _testsrc2(320, 180, 30), Overlay(320, 180, "")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.gop_size = 10
        if encoder == "libx264" and profile == "baseline":
            stream.options = {"profile": profile, "preset": "ultrafast", "tune": "zerolatency"}
        for number in range(count):
            frame = graph.vpull()
            overlay.draw(frame, number, 0.0)
            frame.pts, frame.time_base = number, Fraction(1, 30)
            frame.pict_type = 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.h264"])
def test_a_baseline_file_is_passed_on_untouched_for_ever(tmp_path, name, decode_video, counter_of):
    film = small_camera(source="file", device=str(write_video(tmp_path / name)))
    chosen = camera_source(film)
    assert isinstance(chosen, EncodedFileCamera)
    chosen.close()
    now = 0.0

    def sleep(seconds):
        nonlocal now
        now += seconds

    camera = EncodedFileCamera(film, film.device, clock=lambda: now, sleep=sleep)
    assert (camera.width, camera.height, camera.encoded) == (320, 180, True)
    assert camera.fps == (25 if name == "a.h264" else 30)  # a bare stream does not say
    units = [camera.read() for _ in range(65)]
    camera.close()
    assert [i for i, unit in enumerate(units) if unit.keyframe] == [0, 10, 20, 30, 40, 50, 60]
    for unit in units:
        assert unit.data.startswith(b"\0\0")
        if unit.keyframe:
            assert list(annexb.nal_types(unit.data)).count(annexb.SPS) == 1
    assert [counter_of(frame) for frame in decode_video(units)] == [n % 30 for n in range(65)]
    times = [unit.captured_ns / 1e6 for unit in units]
    assert all(20 < b - a < 50 for a, b in itertools.pairwise(times))
    assert now == pytest.approx(times[-1] / 1000)


def test_a_keyframe_request_skips_to_the_files_next_one(tmp_path):
    camera = camera_source(small_camera(source="file", device=str(write_video(tmp_path / "a.mp4"))))
    assert [camera.read().keyframe for _ in range(3)] == [True, False, False]
    camera.request_keyframe()
    assert camera.read().keyframe
    assert not camera.read().keyframe
    camera.close()


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"profile": "high"}, {}),
        ({}, {"encodings": [SMALL, SMALL]}),
        ({}, {"encoder": "x264"}),
        ({}, {"codec": "vp8"}),
        ({}, {"width": 640, "height": 480, "encodings": [VideoEncoding(640, 480, 30, 300_000)]}),
    ],
)
def test_a_file_that_does_not_fit_is_decoded(tmp_path, written, wanted):
    path = write_video(tmp_path / "a.mp4", **written)
    camera = camera_source(small_camera(source="file", device=str(path), **wanted))
    assert isinstance(camera, DecodedFileCamera)
    frame = camera.read().frame
    assert (frame.width, frame.height) == (camera.width, camera.height)
    assert frame.format.name == "yuv420p"
    camera.close()


def test_a_vp8_file_is_passed_on_for_vp8(tmp_path):
    path = write_video(tmp_path / "a.webm", "libvpx")
    camera = camera_source(small_camera(source="file", device=str(path), codec="vp8"))
    assert isinstance(camera, EncodedFileCamera)
    assert camera.read().keyframe
    camera.close()


def test_a_decoded_file_loops_and_can_be_encoded(tmp_path, counter_of):
    path = write_video(tmp_path / "a.mp4", profile="high", count=12)
    camera = camera_source(small_camera(source="file", device=str(path), fps=60))
    encoder = X264Encoder(SMALL)
    counts = []
    for _ in range(52):
        frame = camera.read().frame
        counts.append(counter_of(frame))
        assert encoder.encode(frame, keyframe=False)
    camera.close()
    assert sorted(set(counts)) == list(range(12))
    assert counts.count(5) in (4, 5)  # twice as many pictures a second as the file has, looped


def write_sound(path: Path, hertz: float = 440, rate: int = 44_100, channels: int = 2) -> Path:
    samples = array("h")
    for i in range(rate):
        samples.extend([round(8000 * math.sin(2 * math.pi * hertz * i / rate))] * channels)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def test_a_sound_file_is_converted_paced_and_looped(tmp_path, find_tone):
    source = microphone_source(microphone_plan(source="file", device=str(write_sound(tmp_path / "a.wav"))))
    start = time.monotonic()
    periods = [source.read() for _ in range(60)]
    assert time.monotonic() - start >= 1.1
    source.close()
    assert {len(period.samples) for period in periods} == {960}
    tone = find_tone([sample for period in periods[2:45] for sample in period.samples])
    assert tone.hertz == pytest.approx(440, abs=0.5)
    assert tone.purity > 0.98


@pytest.mark.parametrize("kind", ["camera", "microphone"])
def test_files_that_are_none(tmp_path, kind):
    def open_source(path):
        if kind == "camera":
            return camera_source(small_camera(source="file", device=str(path)))
        return microphone_source(microphone_plan(source="file", device=str(path)))

    text = tmp_path / "text.mp4"
    text.write_text("not a film\n" * 100)
    with pytest.raises(DeviceNotFound, match="there is no file"):
        open_source(tmp_path / "none.mp4")
    with pytest.raises(DeviceFailed, match="no media file"):
        open_source(text)
    other = write_sound(tmp_path / "a.wav") if kind == "camera" else write_video(tmp_path / "a.mp4")
    with pytest.raises(FormatNotOffered, match="has no"):
        open_source(other)


class FakePcm:
    """A device's answers, one per read: (seconds it takes, what read returns or raises)."""

    def __init__(self, script, clock):
        self.script = iter(script)
        self.clock = clock
        self.closed = False

    def read(self):
        seconds, answer = next(self.script)
        self.clock.now += round(seconds * 1e9)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


class Clock:
    now = 1_000_000_000

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += round(seconds * 1e9)


MONO = PcmFormat(48_000, 1, "s16", 8 * PERIOD_NS)


def period_of(value, length=960):
    return length, array("h", [value] * length).tobytes()


def microphone(script, pcm_format=MONO):
    clock = Clock()
    pcm = FakePcm(script, clock)
    return AlsaMicrophone("mic", open_pcm=lambda _: (pcm, pcm_format), clock=clock, sleep=clock.sleep)


def test_an_overrun_is_dropped_and_capture_goes_on():
    source = microphone(
        [(0.02, period_of(1)), (0.02, (-32, b"garbage")), (0.0, (0, b"")), (0.02, period_of(2))]
    )
    first, second = source.read(), source.read()
    assert (first.samples[0], second.samples[0]) == (1, 2)
    assert source.overruns == 2
    assert second.captured_ns - first.captured_ns > PERIOD_NS


def test_overruns_without_end_are_a_failure():
    with pytest.raises(DeviceFailed, match="overruns in a row"):
        microphone([(0.0, (-32, b""))] * 100).read()


def test_what_piled_up_during_a_stall_is_not_played_late():
    script = [(0.02, period_of(1))] * 3 + [(1.0, period_of(2))] + [(0.0, period_of(3))] * 49
    script += [(0.02, period_of(4))] * 3
    source = microphone(script)
    heard = [source.read() for _ in range(6)]
    assert [period.samples[0] for period in heard] == [1, 1, 1, 4, 4, 4]
    assert heard[3].captured_ns - heard[2].captured_ns > 0.9e9
    assert heard[5].captured_ns - heard[4].captured_ns == PERIOD_NS


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("No such file or directory [mic]", DeviceNotFound),
        ("No such device [mic]", DeviceNotFound),
        ("Device or resource busy [mic]", DeviceBusy),
        ("Permission denied [mic]", DeviceForbidden),
        ("Input/output error [mic]", DeviceFailed),
    ],
)
def test_what_alsa_says_becomes_a_device_error(text, error):
    with pytest.raises(error) as caught:
        microphone([(0.02, RuntimeError(text))]).read()
    assert type(caught.value) is error
    assert '"mic"' in caught.value.message


@pytest.mark.parametrize(
    ("rate", "channels", "sample_format", "code", "scale"),
    [
        (44_100, 2, "s16", "h", 8_000),
        (16_000, 1, "s16", "h", 8_000),
        (96_000, 1, "s32", "i", 8_000 << 16),
        (48_000, 6, "flt", "f", 0.25),
    ],
)
def test_other_rates_channels_and_formats_are_converted(
    rate, channels, sample_format, code, scale, find_tone
):
    size = rate // 50

    def sound(period):
        frames = (
            scale * math.sin(2 * math.pi * 500 * i / rate) for i in range(period * size, period * size + size)
        )
        values = [frame if code == "f" else round(frame) for frame in frames for _ in range(channels)]
        return size, array(code, values).tobytes()

    source = microphone(
        [(0.02, sound(period)) for period in range(60)],
        PcmFormat(rate, channels, sample_format, 8 * PERIOD_NS),
    )
    periods = [source.read() for _ in range(50)]
    tone = find_tone([sample for period in periods[5:] for sample in period.samples])
    assert tone.hertz == pytest.approx(500, abs=1)
    assert tone.purity > 0.98
    steps = {b.captured_ns - a.captured_ns for a, b in itertools.pairwise(periods)}
    assert steps == {PERIOD_NS}
