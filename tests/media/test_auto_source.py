"""Which camera `auto` takes."""

import pytest
from rigging.plans import SMALL

from edgemeet.errors import DeviceBusy, DeviceForbidden, DeviceNotFound, DeviceNotInstalled
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources import access, choice, picamera2, picamera2_library, v4l2, v4l2_cameras
from edgemeet.media.sources.picamera2_library import ListedCamera

RIBBON = ListedCamera(0, "/base/i2c/imx708@1a", "imx708")
USB = ListedCamera(1, "/base/usb/x", "webcam")


@pytest.fixture
def machine(monkeypatch):
    """A machine with these cameras; gives what is opened."""

    def have(*, libcamera=(), usb=(), hidden=()):
        def load():
            if libcamera is None:
                raise DeviceNotInstalled("the library libcamera is not installed")
            return "the library"

        monkeypatch.setattr(picamera2_library, "load", load)
        monkeypatch.setattr(picamera2_library, "cameras", lambda _: list(libcamera))
        monkeypatch.setattr(v4l2_cameras, "cameras", lambda: list(usb))
        monkeypatch.setattr(access, "unusable", lambda _: list(hidden))
        monkeypatch.setattr(picamera2, "open_picamera2", lambda plan, library: ("picamera2", plan.device))
        monkeypatch.setattr(v4l2, "open_v4l2", lambda plan: ("v4l2", plan.device))

    return have


def opened(device=None):
    return choice.camera_source(camera_plan(encodings=[SMALL], source="auto", device=device))


@pytest.mark.parametrize(
    ("cameras", "device", "taken"),
    [
        ({"libcamera": [RIBBON, USB], "usb": ["webcam"]}, None, "picamera2"),
        ({"libcamera": [USB], "usb": ["webcam"]}, None, "v4l2"),
        ({"libcamera": None, "usb": ["webcam"]}, None, "v4l2"),
        ({"libcamera": [RIBBON], "usb": ["webcam"]}, "/dev/video0", "v4l2"),
        ({"libcamera": [RIBBON], "usb": []}, "imx708", "picamera2"),
    ],
)
def test_the_ribbon_cable_comes_first(machine, cameras, device, taken):
    machine(**cameras)
    assert opened(device) == (taken, device)


def test_without_any_it_says_what_can_be_done(machine):
    machine(libcamera=None)
    with pytest.raises(DeviceNotFound, match="libcamera is not installed") as caught:
        opened()
    assert 'source = "test"' in caught.value.hint


def test_a_camera_that_is_not_there_is_not_replaced_by_another(machine):
    machine(libcamera=[RIBBON], usb=["webcam"])
    with pytest.raises(DeviceNotFound, match="imx219"):
        opened("imx219")


def test_cameras_that_this_user_may_not_see_are_told(machine, tmp_path):
    machine(hidden=["/dev/video0"])
    with pytest.raises(DeviceForbidden) as caught:
        opened()
    assert "usermod" in caught.value.hint


def test_a_busy_camera_is_not_replaced_by_another(machine, monkeypatch):
    machine(libcamera=[RIBBON], usb=["webcam"])

    def busy(plan, library):
        raise DeviceBusy("in use")

    monkeypatch.setattr(picamera2, "open_picamera2", busy)
    with pytest.raises(DeviceBusy):
        opened()
