"""The source picamera2 against a stand-in for both libraries.

The stand-in knows nothing of hardware: it proves how answers are read and errors told, not that a Pi gives
such answers. tests/devices runs the real libraries on libcamera's virtual camera.
"""

import enum
import os
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest

from edgemeet.encoded import VideoEncoding
from edgemeet.errors import (
    DeviceBusy,
    DeviceFailed,
    DeviceForbidden,
    DeviceNotFound,
    DeviceNotInstalled,
    FormatNotOffered,
)
from edgemeet.media import plan as plans
from edgemeet.media.layers import encodings
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources import access, capture_time
from edgemeet.media.sources.picamera2 import open_picamera2
from edgemeet.media.sources.picamera2_library import Library, load

SECOND = 1_000_000_000


class AfModeEnum(enum.IntEnum):
    Manual = 0
    Continuous = 2


class Transform:
    def __init__(self, hflip=0, vflip=0):
        self.hflip, self.vflip = bool(hflip), bool(vflip)


class FakeRequest:
    def __init__(self, camera):
        self.camera = camera
        camera.held += 1

    def get_metadata(self):
        return {"SensorTimestamp": capture_time.boot_time_ns() - 7_000_000}

    def release(self):
        self.camera.held -= 1


class FakeCamera:
    """What is used of Picamera2. `settle` makes of a stream that is asked for what the camera gives."""

    listed = ({"Id": "/base/i2c/imx708@1a", "Model": "imx708"}, {"Id": "/base/usb/x", "Model": "webcam"})
    opened = ()

    def __init__(self, number, tuning=None):
        self.number, self.tuning = number, tuning
        self.held = 0
        self.closed = self.started = False
        self.frozen = False
        type(self).opened = (*type(self).opened, self)
        self.fail()

    @classmethod
    def global_camera_info(cls):
        return list(cls.listed)

    def fail(self):
        """Nothing fails."""

    camera_controls: ClassVar = {
        "FrameDurationLimits": (16_666, 1_000_000, None),
        "AfMode": (0, 2, 0),
        "ExposureTime": (100, 100_000, None),
        "ColourGains": ((0.0, 0.0), (32.0, 32.0), None),
    }

    def settle(self, stream):
        return stream

    def turn(self, transform):
        return transform

    def create_video_configuration(self, **wanted):
        return wanted

    def configure(self, wanted):
        self.wanted = wanted
        streams = {}
        for name in ("main", "lores"):
            asked = wanted[name]
            settled = self.settle(dict(asked)) if asked else None
            if settled:
                settled.setdefault("stride", settled["size"][0])
            streams[name] = settled
        self.settled = {**wanted, **streams, "transform": self.turn(wanted["transform"])}

    def camera_configuration(self):
        return self.settled

    def start(self):
        self.started = True

    def capture_request(self, wait):
        if self.frozen:
            raise TimeoutError
        return FakeRequest(self)

    def close(self):
        self.closed = True


class Configuration(list):
    def at(self, index):
        return self[index]


FORMATS = SimpleNamespace(pixel_formats=["NV12"], sizes=lambda _: [SimpleNamespace(width=640, height=480)])
LIBCAMERA = SimpleNamespace(
    Transform=Transform,
    controls=SimpleNamespace(AfModeEnum=AfModeEnum, draft=SimpleNamespace()),
    StreamRole=SimpleNamespace(VideoRecording=1),
)


@pytest.fixture
def fake():
    """A class of cameras of this test's own."""
    return type("Camera", (FakeCamera,), {"opened": ()})


def open_it(fake, *, multistream=False, **changes):
    width, height = changes.get("width", 1280), changes.get("height", 720)
    layers = encodings(width, height, 30, multistream=multistream, codec="h264", max_bitrate=None)
    plan = camera_plan(source="picamera2", encodings=layers, **changes)
    return open_picamera2(plan, library=Library(fake, None, LIBCAMERA), encoder_is_there=lambda: False)


def test_it_asks_for_what_the_plan_says(fake):
    camera = open_it(
        fake,
        fps=25,
        rotation=180,
        hflip=True,
        controls={"AfMode": "continuous", "ExposureTime": 5000, "ColourGains": [1.5, 2.0]},
    )
    (opened,) = fake.opened
    assert opened.started
    assert opened.wanted["main"] == {"format": "YUV420", "size": (1280, 720)}
    assert opened.wanted["lores"] is None
    assert (opened.wanted["transform"].hflip, opened.wanted["transform"].vflip) == (False, True)
    assert opened.wanted["controls"] == {
        "FrameDurationLimits": (40_000, 40_000),
        "AfMode": 2,
        "ExposureTime": 5000,
        "ColourGains": (1.5, 2.0),
    }
    assert (camera.width, camera.height, camera.fps, camera.encoded) == (1280, 720, 25, False)
    assert "imx708" in camera.name
    camera.close()
    assert opened.closed


def test_a_control_of_the_configuration_wins_over_the_rate(fake):
    open_it(fake, controls={"FrameDurationLimits": [33_333, 200_000]})
    assert fake.opened[0].wanted["controls"] == {"FrameDurationLimits": (33_333, 200_000)}


@pytest.mark.parametrize(("device", "number"), [(None, 0), ("1", 1), ("webcam", 1), ("/base/usb/x", 1)])
def test_a_camera_is_named_by_number_id_or_model(fake, device, number):
    open_it(fake, device=device)
    assert fake.opened[0].number == number


def test_the_second_layer_is_asked_of_the_image_processor(fake):
    open_it(fake, multistream=True)
    assert fake.opened[0].wanted["lores"] == {"format": "YUV420", "size": (640, 360)}


def test_a_lores_of_another_shape_is_given_up(fake):
    fake.settle = lambda _, stream: {**stream, "size": (640, 480)} if stream["size"] == (640, 360) else stream
    camera = open_it(fake, multistream=True)
    assert fake.opened[0].wanted["lores"] is None
    assert camera.width == 1280


def test_a_slower_sensor_is_believed(fake):
    fake.camera_controls = {"FrameDurationLimits": (100_000, 1_000_000, None)}
    assert open_it(fake).fps == 10


def test_a_size_of_the_same_shape_is_taken_and_told(fake):
    fake.settle = lambda _, stream: {**stream, "size": (1920, 1080), "format": "NV12"}
    camera = open_it(fake)
    assert (camera.width, camera.height) == (1920, 1080)


@pytest.mark.parametrize(
    ("changes", "settled", "message", "hint"),
    [
        ({}, {"size": (640, 480)}, "gives 640x480 when it is asked for 1280x720", "640x480"),
        ({}, {"format": "MJPEG"}, "gives MJPEG through libcamera", "v4l2"),
        ({"controls": {"Zoom": 2}}, {}, 'no control "Zoom"', "AfMode, ColourGains, ExposureTime"),
        ({"controls": {"AfMode": "often"}}, {}, 'no value "often"', "Manual, Continuous"),
        ({"controls": {"ExposureTime": "long"}}, {}, 'no value "long"', "a number"),
        ({"controls": {"ExposureTime": 7}}, {}, "does not take 7", "from 100 to 100000"),
    ],
)
def test_what_is_not_offered_is_told_with_what_is(fake, changes, settled, message, hint):
    fake.settle = lambda _, stream: {**stream, **settled}
    fake.camera = SimpleNamespace(
        generate_configuration=lambda _: Configuration([SimpleNamespace(formats=FORMATS)])
    )
    with pytest.raises(FormatNotOffered, match=message) as caught:
        open_it(fake, **changes)
    assert hint in (caught.value.hint or "")
    assert fake.opened[0].closed, "a camera that is not used must be given back"


def raising(outer, inner):
    def fail(_):
        try:
            raise inner
        except Exception as error:
            raise outer from error

    return fail


WRAPPED = RuntimeError("Camera __init__ sequence did not complete.")


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (raising(WRAPPED, RuntimeError("failed to acquire: Device or resource busy")), DeviceBusy),
        (raising(WRAPPED, OSError(13, "Permission denied")), DeviceForbidden),
        (raising(WRAPPED, RuntimeError("No camera number 0 found")), DeviceNotFound),
        (raising(WRAPPED, RuntimeError("the pipeline is confused")), DeviceFailed),
    ],
)
def test_what_libcamera_says_becomes_a_device_error(fake, fail, error):
    fake.fail = fail
    with pytest.raises(error) as caught:
        open_it(fake)
    assert type(caught.value) is error
    assert "imx708" in caught.value.message


def test_no_camera_and_no_permission_to_see_one(fake, monkeypatch, tmp_path):
    fake.listed = ()
    with pytest.raises(DeviceNotFound, match="sees no camera"):
        open_it(fake)
    node = tmp_path / "media0"
    node.touch()
    monkeypatch.setattr(access, "unusable", lambda _: [str(node)])
    monkeypatch.setattr(access, "group_of", lambda _: "video")
    with pytest.raises(DeviceForbidden) as caught:
        open_it(fake)
    assert 'group "video"' in caught.value.hint


def test_an_unknown_camera_names_those_that_are_there(fake):
    with pytest.raises(DeviceNotFound) as caught:
        open_it(fake, device="imx219")
    assert "imx708" in caught.value.hint
    assert "webcam" in caught.value.hint


def test_a_missing_tuning_file_is_told(fake, tmp_path):
    with pytest.raises(DeviceNotFound, match="tuning file"):
        open_it(fake, tuning_file=str(tmp_path / "none.json"))
    assert fake.opened == ()


def test_a_tuning_file_reaches_libcamera_before_it_looks(fake, tmp_path, monkeypatch):
    monkeypatch.setenv("LIBCAMERA_RPI_TUNING_FILE", "")
    seen = []
    listed = fake.global_camera_info
    fake.global_camera_info = classmethod(
        lambda _: seen.append(os.environ["LIBCAMERA_RPI_TUNING_FILE"]) or listed()
    )
    path = tmp_path / "noir.json"
    path.write_text("{}")
    open_it(fake, tuning_file=str(path))
    assert seen == [str(path)]
    assert fake.opened[0].tuning == str(path)


def test_no_picture_in_time_is_a_failure(fake):
    camera = open_it(fake)
    fake.opened[0].frozen = True
    with pytest.raises(DeviceFailed) as caught:
        camera.read()
    assert caught.value.code == "device.stalled"


def test_without_the_libraries_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "libcamera", None)
    with pytest.raises(DeviceNotInstalled) as caught:
        load()
    assert "apt install python3-picamera2" in caught.value.hint


@pytest.mark.parametrize(
    ("stamp", "seen"),
    [
        (100 * SECOND + 50_000_000, 90 * SECOND + 50_000_000),  # the machine slept for ten seconds once
        (None, 91 * SECOND),
        (3, 91 * SECOND),
        (200 * SECOND, 91 * SECOND),
    ],
)
def test_capture_times_are_on_the_monotonic_clock(stamp, seen):
    assert (
        capture_time.from_boot_time(stamp, monotonic=lambda: 91 * SECOND, boot_time=lambda: 101 * SECOND)
        == seen
    )


def test_a_plan_with_all_of_it_crosses_to_the_child():
    plan = camera_plan(
        encodings=[VideoEncoding(320, 180, 30, 300_000)],
        source="picamera2",
        rotation=180,
        controls={"AfMode": "Auto", "ColourGains": [1.0, 2.5], "AeEnable": True},
        tuning_file="/x.json",
        capture_format="h264",
    )
    assert plans.from_json(plans.to_json(plan)) == plan
    with pytest.raises(ValueError, match="0 or 180"):
        camera_plan(encodings=plan.encodings, rotation=90)
