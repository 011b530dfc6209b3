"""USB cameras without one: the kernel's structs, which mode is chosen, and pictures from files.

What this does not prove: that a camera answers so. The driver is a stand-in that fills in the structs as
videodev2.h describes them, and what the demuxer would read comes from files of the same formats.
"""

import errno
import itertools
import os
import shutil
import struct
import subprocess
import time
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import (
    DeviceBusy,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    FormatNotOffered,
)
from edgemeet.media import annexb
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources import v4l2_cameras, v4l2_ioctl
from edgemeet.media.sources.pattern import Overlay, _testsrc2
from edgemeet.media.sources.v4l2 import V4l2Camera, V4l2EncodedCamera, open_v4l2
from edgemeet.media.sources.v4l2_cameras import KINDS, Camera, Choice, Mode, choose
from edgemeet.media.sources.v4l2_ioctl import FrameSize, Rates, VideoDevice

LAYER = VideoEncoding(width=320, height=180, fps=30, max_bitrate=300_000)


def plan(**changes):
    values = {"source": "v4l2", "width": 320, "height": 180, "fps": 30, "encodings": [LAYER]}
    return camera_plan(**{**values, **changes})


def size(width, height):
    return FrameSize(width, height, width, height, 1, 1)


def mode(fourcc, width, height, *rates):
    return Mode(fourcc, size(width, height), Rates(rates))


# --- the kernel's side -------------------------------------------------------------------------------------


def test_numbers_and_layouts_are_the_kernels(tmp_path):
    gcc = shutil.which("gcc")
    assert gcc, "gcc and the kernel's headers tell whether the structs are right"
    names = {
        "QUERYCAP": "VIDIOC_QUERYCAP",
        "ENUM_FMT": "VIDIOC_ENUM_FMT",
        "S_CTRL": "VIDIOC_S_CTRL",
        "QUERYCTRL": "VIDIOC_QUERYCTRL",
        "ENUM_FRAMESIZES": "VIDIOC_ENUM_FRAMESIZES",
        "ENUM_FRAMEINTERVALS": "VIDIOC_ENUM_FRAMEINTERVALS",
        "CAPTURE": "V4L2_BUF_TYPE_VIDEO_CAPTURE",
        "CAPTURE_MPLANE": "V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE",
        "BITRATE": "V4L2_CID_MPEG_VIDEO_BITRATE",
        "REPEAT_SEQ_HEADER": "V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER",
        "FORCE_KEY_FRAME": "V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME",
        "_HAS_CAPTURE": "V4L2_CAP_VIDEO_CAPTURE",
        "_HAS_M2M": "V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_M2M_MPLANE",
        "_HAS_STREAMING": "V4L2_CAP_STREAMING",
        "_HAS_DEVICE_CAPS": "V4L2_CAP_DEVICE_CAPS",
        "_DISCRETE": "V4L2_FRMSIZE_TYPE_DISCRETE",
        "_DISABLED": "V4L2_CTRL_FLAG_DISABLED",
    }
    offsets = {
        "struct v4l2_capability, device_caps": 88,
        "struct v4l2_fmtdesc, pixelformat": 44,
        "struct v4l2_frmsizeenum, stepwise.step_height": 32,
        "struct v4l2_frmivalenum, stepwise.max": 28,
        "struct v4l2_queryctrl, flags": 56,
    }
    expressions = [*names.values(), *(f"offsetof({member})" for member in offsets)]
    lines = "".join(f'  printf("%lu\\n", (unsigned long)({expression}));\n' for expression in expressions)
    source = tmp_path / "numbers.c"
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <linux/videodev2.h>\n"
        f"int main(void) {{\n{lines}  return 0;\n}}\n"
    )
    subprocess.run([gcc, "-o", tmp_path / "numbers", source], check=True, timeout=60)
    printed = subprocess.run([tmp_path / "numbers"], check=True, capture_output=True, timeout=60).stdout
    kernel = [int(line) & 0xFFFF_FFFF for line in printed.split()]
    assert kernel == [*(getattr(v4l2_ioctl, name) for name in names), *offsets.values()]


class FakeDriver:
    """Fills in the structs as a driver does. Every list ends with EINVAL."""

    def __init__(self, *, caps=0x0520_0001, driver=b"uvcvideo", card=b"HD Webcam", formats=None, sizes=None):
        self.caps, self.driver, self.card = caps, driver, card
        self.formats = formats or {b"YUYV": b"YUYV 4:2:2", b"MJPG": b"Motion-JPEG"}
        self.sizes = sizes or {
            b"YUYV": [(640, 480, [(1, 30), (1, 15)]), (1280, 720, [(1, 10)])],
            b"MJPG": [(1280, 720, [(1, 30)])],
        }
        self.controls = {}

    def __call__(self, _, request, buffer):
        match request:
            case v4l2_ioctl.QUERYCAP:
                caps = 0x8000_0000 | 0x0080_0000
                buffer[:] = struct.pack(
                    "=16s32s32sIII12x", self.driver, self.card, b"usb-1", 0x60C00, caps, self.caps
                )
            case v4l2_ioctl.ENUM_FMT:
                index, queue = struct.unpack_from("=II", buffer)
                fourcc, text = self.entry(list(self.formats.items()), index)
                assert queue == 1
                buffer[:] = struct.pack("=III32s4s16x", index, queue, 0, text, fourcc)
            case v4l2_ioctl.ENUM_FRAMESIZES:
                index, fourcc = struct.unpack_from("=I4s", buffer)
                entry = self.entry(self.sizes[fourcc], index)
                if len(entry) == 3:
                    struct.pack_into("=III", buffer, 8, 1, *entry[:2])
                else:
                    struct.pack_into("=I6I", buffer, 8, 3, *entry)
            case v4l2_ioctl.ENUM_FRAMEINTERVALS:
                index, fourcc, width, height = struct.unpack_from("=I4sII", buffer)
                (entry,) = [one for one in self.sizes[fourcc] if len(one) == 6 or one[:2] == (width, height)]
                if len(entry) == 6:
                    self.entry([0], index)
                    struct.pack_into("=I6I", buffer, 16, 3, 1, 60, 1, 2, 1, 60)
                else:
                    struct.pack_into("=III", buffer, 16, 1, *self.entry(entry[2], index))
            case v4l2_ioctl.QUERYCTRL:
                raise OSError(errno.EINVAL, "no such control")
            case v4l2_ioctl.S_CTRL:
                control, value = struct.unpack("=Ii", buffer)
                self.controls[control] = value
            case _:
                raise OSError(errno.ENOTTY, "not for this")

    @staticmethod
    def entry(entries, index):
        if index >= len(entries):
            raise OSError(errno.EINVAL, "the end")
        return entries[index]


def opened(driver):
    return lambda _: VideoDevice("/dev/null", ioctl=driver)


def test_what_a_driver_lists_is_read():
    camera = v4l2_cameras.look("/dev/video9", open_device=opened(FakeDriver()))
    assert (camera.card, camera.driver) == ("HD Webcam", "uvcvideo")
    assert [str(one) for one in camera.modes] == [
        "YUYV 640x480@15/30",
        "YUYV 1280x720@10",
        "MJPG 1280x720@30",
    ]


def test_ranges_of_sizes_and_rates_are_read():
    driver = FakeDriver(formats={b"YU12": b"planar"}, sizes={b"YU12": [(32, 1920, 2, 16, 1080, 2)]})
    (found,) = v4l2_cameras.look("/dev/video9", open_device=opened(driver)).modes
    assert str(found) == "YU12 32x16 to 1920x1080@2-60"
    assert found.size.holds(640, 480)
    assert not found.size.holds(641, 480)
    assert not found.size.holds(2000, 480)
    assert found.rates.for_at_least(25) == 25
    assert found.rates.for_at_least(90) is None


def test_encoders_and_metadata_nodes_are_no_cameras(tmp_path):
    for caps in (0x0400_4000, 0x04A0_0000, 0x0000_0001):
        with pytest.raises(DeviceNotFound, match="no camera"):
            v4l2_cameras.look("/dev/video9", open_device=opened(FakeDriver(caps=caps)))
    for number in (10, 2):
        (tmp_path / f"video{number}").touch()
    pattern = str(tmp_path / "video*")
    found = v4l2_cameras.cameras(open_device=opened(FakeDriver()), pattern=pattern)
    assert [os.path.basename(camera.path) for camera in found] == ["video2", "video10"]
    for driver in (
        FakeDriver(driver=b"unicam"),
        FakeDriver(formats={b"RG10": b"Bayer"}, sizes={b"RG10": []}),
    ):
        assert v4l2_cameras.cameras(open_device=opened(driver), pattern=pattern) == []


def test_controls_are_set_and_missing_ones_told():
    driver = FakeDriver()
    with VideoDevice("/dev/null", ioctl=driver) as device:
        device.set_control(v4l2_ioctl.BITRATE, 1_500_000)
        assert device.control(v4l2_ioctl.BITRATE) is None
    assert driver.controls == {0x9909CF: 1_500_000}


def test_a_file_that_is_no_video_device_is_an_error():
    with VideoDevice("/dev/null") as device, pytest.raises(OSError, match="Inappropriate ioctl"):
        device.capability()


def test_names_that_stay_are_preferred(tmp_path):
    node, links = tmp_path / "video0", tmp_path / "by-id"
    node.touch()
    links.mkdir()
    pattern = str(links / "*")
    assert v4l2_cameras.stable_name(str(node), pattern=pattern) == str(node)
    link = links / "usb-Maker_HD_Webcam-video-index0"
    link.symlink_to(node)
    assert v4l2_cameras.stable_name(str(node), pattern=pattern) == str(link)
    assert v4l2_cameras.stable_name(str(link), pattern=pattern) == str(link)


# --- which mode --------------------------------------------------------------------------------------------

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
    choice = choose(plan(**wanted), modes)
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
        choose(plan(**wanted), modes)
    for one in modes:
        assert str(one) in caught.value.hint


# --- pictures, from files ----------------------------------------------------------------------------------

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
            plan(**changes),
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
    [{"encodings": [LAYER, LAYER]}, {"codec": "vp8"}, {"hflip": True}],
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
        open_v4l2(plan(device="/dev/video7"), look=look, find=list)
    assert type(caught.value) is error
    assert "/dev/video7" in caught.value.message


def test_a_missing_camera_names_those_that_are_there():
    there = Camera("/dev/v4l/by-id/usb-x", "HD Webcam", "uvcvideo", ())
    with pytest.raises(DeviceNotFound) as caught:
        open_v4l2(plan(device="/dev/video77"), find=lambda: [there])
    assert "/dev/v4l/by-id/usb-x (HD Webcam)" in caught.value.hint
    with pytest.raises(DeviceNotFound, match="no camera under"):
        open_v4l2(plan(), find=list)


def test_the_demuxer_is_there():
    with pytest.raises(DeviceFailed, match="Inappropriate ioctl"):
        open_v4l2(
            plan(device="/dev/null"),
            look=lambda path: Camera(path, "none", "none", (YUYV,)),
        )


def test_another_size_than_asked_for_is_refused(open_camera):
    with pytest.raises(FormatNotOffered, match="gives 320x180"):
        open_camera([mode("YUYV", 640, 360, 30.0)], width=640, height=360)


# --- parameter sets ----------------------------------------------------------------------------------------

START = b"\0\0\0\1"
SPS, PPS, IDR, SLICE = (START + bytes([kind]) + b"\x42\x11" for kind in (0x67, 0x68, 0x65, 0x41))
DELIMITER = START + b"\x09\x10"


@pytest.mark.parametrize(
    ("units", "sent"),
    [
        ([SPS + PPS + IDR], [SPS + PPS + IDR]),
        ([SPS + PPS, IDR, SLICE], [None, SPS + PPS + IDR, SLICE]),
        ([SPS + PPS + IDR, SLICE, IDR], [SPS + PPS + IDR, SLICE, SPS + PPS + IDR]),
        ([SPS + PPS, DELIMITER + IDR], [None, DELIMITER + SPS + PPS + IDR]),
        ([IDR], [IDR]),  # nothing is known; the decoder will ask again
        ([b""], [None]),
        ([SPS + PPS, SPS[:-1] + b"\x12" + IDR], [None, PPS + SPS[:-1] + b"\x12" + IDR]),
    ],
)
def test_parameter_sets_stand_before_keyframes(units, sent):
    sets = annexb.ParameterSets()
    assert [complete and complete[0] for complete in map(sets.complete, units)] == sent


def test_parameter_sets_from_before_the_first_picture_are_used():
    assert annexb.ParameterSets(SPS + PPS).complete(IDR) == (SPS + PPS + IDR, True)


@given(
    st.lists(
        st.tuples(st.integers(1, 23), st.binary(min_size=1, max_size=9).filter(lambda b: 0 not in b)),
        min_size=1,
        max_size=8,
    )
)
def test_units_put_together_again_are_the_stream(parts):
    data = b"".join(START + bytes([kind]) + body for kind, body in parts)
    units = list(annexb.nal_units(data))
    assert b"".join(unit for _, unit in units) == data
    assert [kind for kind, _ in units] == [kind for kind, _ in parts]
    assert list(annexb.nal_types(data)) == [kind for kind, _ in parts]


@given(st.binary(max_size=200))
def test_noise_is_no_reason_to_fall_over(data):
    annexb.ParameterSets(data).complete(data)
    assert all(unit for _, unit in annexb.nal_units(data))
    assert len(list(annexb.nal_units(data))) == len(list(itertools.chain(annexb.nal_types(data))))
