"""USB cameras without one: which mode is chosen, and pictures from files.

What this does not prove: that a camera answers so. What the demuxer would read comes from files of the same
formats.
"""

import errno
import time
from fractions import Fraction

import av
import pytest
from rigging.plans import SMALL, small_camera

from edgemeet.errors import (
    DeviceBusy,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    FormatNotOffered,
)
from edgemeet.media import annexb
from edgemeet.media.sources import v4l2_ioctl
from edgemeet.media.sources.pattern import Overlay, _testsrc2
from edgemeet.media.sources.v4l2 import V4l2Camera, V4l2EncodedCamera, open_v4l2
from edgemeet.media.sources.v4l2_cameras import KINDS, Camera, Choice, Mode, choose
from edgemeet.media.sources.v4l2_ioctl import FrameSize, Rates


def size(width, height):
    return FrameSize(width, height, width, height, 1, 1)


def mode(fourcc, width, height, *rates):
    return Mode(fourcc, size(width, height), Rates(rates))


YUYV = mode("YUYV", 320, 180, 15.0, 30.0, 60.0)
MJPG = mode("MJPG", 320, 180, 30.0)
H264 = mode("H264", 320, 180, 30.0)


@pytest.mark.parametrize(
    ("modes", "wanted", "fourcc", "fps"),
    [
        ([MJPG, YUYV, H264], {}, "YUYV", 30),
        ([MJPG, mode("YUYV", 320, 180, 10.0)], {}, "MJPG", 30),
        ([YUYV], {"fps": 20}, "YUYV", 30),
        ([YUYV], {"fps": 15}, "YUYV", 15),
        ([mode("MJPG", 320, 180, 29.97)], {}, "MJPG", 29.97),
        ([mode("MJPG", 320, 180)], {}, "MJPG", 30),
        ([MJPG, YUYV], {"capture_format": "mjpeg"}, "MJPG", 30),
        ([MJPG, H264], {"capture_format": "h264"}, "H264", 30),
    ],
)
def test_the_best_mode_is_chosen(modes, wanted, fourcc, fps):
    choice = choose(small_camera("v4l2", **wanted), modes)
    assert (choice.kind.fourcc, choice.fps) == (fourcc, fps)


@pytest.mark.parametrize(
    ("modes", "wanted"),
    [
        ([H264], {}),
        ([mode("YUYV", 640, 480, 30.0)], {}),
        ([mode("YUYV", 320, 180, 10.0)], {}),
        ([YUYV], {"capture_format": "mjpeg"}),
        ([], {}),
    ],
)
def test_what_is_not_offered_names_what_is(modes, wanted):
    with pytest.raises(FormatNotOffered, match="320x180 at 30 fps") as caught:
        choose(small_camera("v4l2", **wanted), modes)
    for one in modes:
        assert str(one) in caught.value.hint


FORMATS = {
    "MJPG": ("mjpeg", "yuvj422p", "avi"),
    "YUYV": ("rawvideo", "yuyv422", "nut"),
    "H264": ("libx264", "yuv420p", "h264"),
}


def write(path, encoder, pixel_format, count=20):
    graph, overlay = _testsrc2(320, 180, 30), Overlay(320, 180, "")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixel_format
        if encoder == "libx264":
            stream.gop_size = 10
            stream.options = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency"}
        if encoder == "mjpeg":
            stream.options = {"q": "2", "qmin": "1", "strict": "unofficial"}
        for number in range(count):
            frame = graph.vpull()
            overlay.draw(frame, number, 0.0)
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 30), 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def open_camera(tmp_path):
    """Opens a camera whose pictures come from a file of the format that it is asked for."""
    asked = []

    def open_it(modes, *, path="/dev/video0", **changes):
        def open_container(opened_path, options):
            assert opened_path == path
            asked.append(options)
            fourcc = next(kind.fourcc for kind in KINDS if kind.libav == options["input_format"])
            encoder, pixel_format, extension = FORMATS[fourcc]
            return av.open(str(write(tmp_path / f"a.{extension}", encoder, pixel_format)))

        return open_v4l2(
            small_camera("v4l2", **changes),
            look=lambda _: Camera(path, "HD Webcam", "uvcvideo", tuple(modes)),
            find=lambda: [Camera(path, "HD Webcam", "uvcvideo", tuple(modes))],
            open_container=open_container,
        )

    open_it.asked = asked
    return open_it


@pytest.mark.parametrize(("fourcc", "asked"), [("MJPG", "mjpeg"), ("YUYV", "yuyv422")])
def test_pictures_are_decoded_to_what_encoders_take(open_camera, counter_of, fourcc, asked):
    camera = open_camera([mode(fourcc, 320, 180, 30.0)])
    assert isinstance(camera, V4l2Camera)
    assert open_camera.asked == [{"input_format": asked, "video_size": "320x180", "framerate": "30"}]
    assert (camera.width, camera.height, camera.fps, camera.encoded) == (320, 180, 30, False)
    assert "HD Webcam" in camera.name
    pictures = [camera.read() for _ in range(20)]
    assert {picture.frame.format.name for picture in pictures} == {"yuv420p"}
    assert [counter_of(picture.frame) for picture in pictures] == list(range(20))
    luma = memoryview(pictures[3].frame.planes[0])
    assert max(luma) <= 240, "a camera's full range of levels must become video's"
    now = time.monotonic_ns()
    assert all(0 <= now - picture.captured_ns < 20e9 for picture in pictures)
    with pytest.raises(DeviceFailed, match="no more pictures"):
        camera.read()
    camera.close()


def test_a_camera_upside_down_is_turned(open_camera, counter_of):
    camera = open_camera([YUYV], rotation=180)
    frame = camera.read().frame
    assert counter_of(frame) is None
    width, height = frame.width, frame.height
    stride = frame.planes[0].line_size
    assert stride > 0
    turned = bytes(reversed(bytes(frame.planes[0])[: stride * height]))
    row = turned[2 * stride :][stride - width : stride]
    assert row[:4] == b"\xeb" * 4, "the counter's first block is white and now at the bottom right"
    camera.close()


def test_its_own_h264_is_passed_on_with_parameter_sets(open_camera, decode_video, counter_of):
    camera = open_camera([H264], capture_format="h264")
    assert isinstance(camera, V4l2EncodedCamera)
    assert camera.encoded
    units = [camera.read() for _ in range(20)]
    assert [number for number, unit in enumerate(units) if unit.keyframe] == [0, 10]
    for unit in units:
        assert (annexb.SPS in annexb.nal_types(unit.data)) == unit.keyframe
    assert [counter_of(frame) for frame in decode_video(units)] == list(range(20))
    camera.close()


def test_controls_of_its_encoder_are_tried_once_where_there_are_none(tmp_path, caplog):
    container = av.open(str(write(tmp_path / "a.h264", "libx264", "yuv420p")))
    camera = Camera("/dev/video0", "HD Webcam", "uvcvideo", ())
    calls = []

    def set_control(control, value):
        calls.append((control, value))
        if control == v4l2_ioctl.BITRATE:
            raise OSError(errno.EINVAL, "no such control")

    source = V4l2EncodedCamera(camera, Choice(KINDS[-1], 30), container, set_control=set_control)
    source.request_keyframe()
    source.request_keyframe()
    source.set_bitrate(500_000)
    source.set_bitrate(600_000)
    source.close()
    key, rate = (v4l2_ioctl.FORCE_KEY_FRAME, 1), (v4l2_ioctl.BITRATE, 500_000)
    assert calls == [key, key, rate]
    assert "keeps its own rate" in caplog.text


@pytest.mark.parametrize(
    "changes",
    [{"encodings": [SMALL, SMALL]}, {"codec": "vp8"}, {"hflip": True}],
    ids=str,
)
def test_its_own_h264_cannot_be_changed(open_camera, changes):
    with pytest.raises(FormatNotOffered, match="the camera's own"):
        open_camera([H264], capture_format="h264", **changes)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (OSError(errno.EBUSY, "Device or resource busy"), DeviceBusy),
        (PermissionError(errno.EACCES, "Permission denied"), DeviceForbidden),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), DeviceNotFound),
        (OSError(errno.ENODEV, "No such device"), DeviceNotFound),
        (OSError(errno.EIO, "Input/output error"), DeviceFailed),
    ],
)
def test_each_fault_has_its_own_class(raised, error):
    def look(_):
        raise raised

    with pytest.raises(error) as caught:
        open_v4l2(small_camera("v4l2", device="/dev/video7"), look=look, find=list)
    assert type(caught.value) is error
    assert "/dev/video7" in caught.value.message


def test_a_missing_camera_names_those_that_are_there():
    there = Camera("/dev/v4l/by-id/usb-x", "HD Webcam", "uvcvideo", ())
    with pytest.raises(DeviceNotFound) as caught:
        open_v4l2(small_camera("v4l2", device="/dev/video77"), find=lambda: [there])
    assert "/dev/v4l/by-id/usb-x (HD Webcam)" in caught.value.hint
    with pytest.raises(DeviceNotFound, match="no camera under"):
        open_v4l2(small_camera("v4l2"), find=list)


def test_the_demuxer_is_there():
    with pytest.raises(DeviceFailed, match="Inappropriate ioctl"):
        open_v4l2(
            small_camera("v4l2", device="/dev/null"),
            look=lambda path: Camera(path, "none", "none", (YUYV,)),
        )


def test_another_size_than_asked_for_is_refused(open_camera):
    with pytest.raises(FormatNotOffered, match="gives 320x180"):
        open_camera([mode("YUYV", 640, 360, 30.0)], width=640, height=360)
