"""USB cameras without one: the kernel's structs, and what a driver lists.

What this does not prove: that a camera answers so. The driver is a stand-in that fills in the structs as
videodev2.h describes them.
"""

import errno
import os
import shutil
import struct
import subprocess

import pytest

from edgemeet.errors import DeviceNotFound
from edgemeet.media.sources import v4l2_cameras, v4l2_ioctl
from edgemeet.media.sources.v4l2_ioctl import VideoDevice


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
