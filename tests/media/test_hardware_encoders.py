"""Encoders that wait for hardware, against stand-ins.

What this does not prove: that a driver behaves like this. The stand-ins do what the kernel's and picamera2's
documents say, in the order that makes most trouble: pictures come out late, SPS and PPS come once and alone.
"""

import errno
from types import SimpleNamespace

import pytest

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.errors import DeviceFailed, DeviceNotInstalled
from edgemeet.media import annexb
from edgemeet.media.camera import Layer
from edgemeet.media.encoders import choice, hardware
from edgemeet.media.encoders.protocols import Encoded
from edgemeet.media.encoders.v4l2m2m import V4l2M2mEncoder
from edgemeet.media.encoders.x264 import X264Encoder
from edgemeet.media.plan import camera_plan
from edgemeet.media.sources.capture_time import boot_time_ns
from edgemeet.media.sources.flip import Flip
from edgemeet.media.sources.pattern import _testsrc2
from edgemeet.media.sources.picamera2_encoded import EncoderLibrary, Picamera2EncodedCamera, fits
from edgemeet.media.sources.protocols import RawPicture
from edgemeet.media.sources.v4l2_ioctl import (
    BITRATE,
    CAPTURE_MPLANE,
    REPEAT_SEQ_HEADER,
    Capability,
    PixelFormat,
)

ENCODING = VideoEncoding(width=320, height=180, fps=30, max_bitrate=300_000)


class Packet:
    def __init__(self, data, pts):
        self.data, self.pts = data, pts

    def __bytes__(self):
        return self.data


class LateContext:
    """libx264 behind the manners of a driver: two pictures late, headers once, in a buffer of their own."""

    extradata = None

    def __init__(self, encoding):
        self.encoder = X264Encoder(encoding)
        self.inside = []
        self.headers_sent = False
        self.asked = []

    def encode(self, frame):
        number, keyframe = frame.pts, frame.pict_type == 1
        self.asked.append(keyframe)
        (unit,) = self.encoder.encode(frame, keyframe=keyframe)
        parts = list(annexb.nal_units(unit.data))
        headers = b"".join(part for kind, part in parts if kind in (annexb.SPS, annexb.PPS))
        slices = b"".join(part for kind, part in parts if kind not in (annexb.SPS, annexb.PPS))
        self.inside.append(Packet(slices, number))
        packets = []
        if headers and not self.headers_sent:
            self.headers_sent = True
            packets.append(Packet(headers, number))
        if len(self.inside) > 2:
            packets.append(self.inside.pop(0))
        return packets


class Controls:
    def __init__(self, *refused):
        self.refused, self.set = refused, []

    def __call__(self, descriptor, control, value):
        if control in self.refused:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.set.append((descriptor, control, value))


def encoder_of(controls=None, descriptors=(set(), {7})):
    there = iter(descriptors)
    contexts = []

    def open_context(encoding):
        contexts.append(LateContext(encoding))
        return contexts[0]

    encoder = V4l2M2mEncoder(
        ENCODING,
        open_context=open_context,
        video_descriptors=lambda: next(there),
        set_control=controls or Controls(),
    )
    return encoder, contexts[0]


@pytest.fixture
def pictures():
    return iter(_testsrc2(320, 180, 30).vpull, None)


def test_keyframes_get_their_headers_and_pictures_their_age(pictures, decode_video):
    encoder, _ = encoder_of()
    units = []
    for number in range(40):
        units += encoder.encode(next(pictures), keyframe=number in {0, 20})
    assert len(units) == 38
    assert [number for number, unit in enumerate(units) if unit.keyframe] == [0, 20]
    for unit in units:
        assert (annexb.SPS in annexb.nal_types(unit.data)) == unit.keyframe
        assert unit.age == 2
    frames = decode_video([AccessUnit(0, 0.0, unit.keyframe, unit.data) for unit in units])
    assert len(frames) == 38


def test_a_keyframe_is_asked_for_once_while_it_is_on_its_way(pictures):
    encoder, context = encoder_of()
    came = False
    for _ in range(10):  # the way a layer asks: until a keyframe has come
        came = any(unit.keyframe for unit in encoder.encode(next(pictures), keyframe=not came)) or came
    assert context.asked == [True, *[False] * 9]


def test_a_keyframe_that_never_comes_is_asked_for_again(pictures):
    encoder, context = encoder_of()
    context.encode, asked = lambda frame: context.asked.append(frame.pict_type == 1) or [], context.asked
    for _ in range(61):
        encoder.encode(next(pictures), keyframe=True)
    assert [number for number, one in enumerate(asked) if one] == [0, 30, 60]


def test_the_rate_is_set_on_the_encoders_own_file(pictures, caplog):
    controls = Controls()
    encoder, _ = encoder_of(controls, ({3}, {3, 7}))
    encoder.set_bitrate(200_000)
    assert controls.set == [(7, REPEAT_SEQ_HEADER, 1), (7, BITRATE, 200_000)]
    assert caplog.text == ""


@pytest.mark.parametrize("descriptors", [(set(), {7}), ({3}, {3})])
def test_a_rate_that_cannot_be_set_is_told_once(descriptors, caplog):
    encoder, _ = encoder_of(Controls(BITRATE, REPEAT_SEQ_HEADER), descriptors)
    encoder.set_bitrate(200_000)
    encoder.set_bitrate(250_000)
    assert caplog.text.count("keeps its rate") == 1


def test_without_a_device_it_says_so():
    with pytest.raises(DeviceNotInstalled) as caught:
        V4l2M2mEncoder(VideoEncoding(width=318, height=178, fps=30, max_bitrate=300_000))
    assert caught.value.code == "device.no_encoder"


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        (lambda self, frame, keyframe: [Encoded(b"x", True)], True),
        (lambda self, frame, keyframe: [], False),
        (lambda self, frame, keyframe: [Encoded(b"x", False)], False),
    ],
)
def test_an_encoder_that_opens_must_give_something(encode, expected):
    fake = type("Fake", (), {"__init__": lambda self, _: None, "encode": encode})
    assert hardware.works(fake) is expected


def test_an_encoder_that_fails_is_none():
    def fail(_):
        raise DeviceFailed("broken")

    assert hardware.works(fail) is False


@pytest.mark.parametrize("takes", [True, False])
def test_auto_takes_the_machines_own_encoder_where_it_works(monkeypatch, takes):
    def make(encoding):
        if not takes:
            raise DeviceNotInstalled("not this size")
        return encoder_of()[0]

    plan = camera_plan(encodings=[ENCODING])
    monkeypatch.setattr(hardware, "v4l2m2m_works", lambda: True)
    monkeypatch.setattr(choice, "V4l2M2mEncoder", make)
    assert choice.video_encoder(plan, ENCODING).name == ("h264_v4l2m2m" if takes else "libx264")
    monkeypatch.setattr(hardware, "v4l2m2m_works", lambda: False)
    assert choice.video_encoder(plan, ENCODING).name == "libx264"


class Outlet:
    def __init__(self):
        self.sent = []

    def congested(self):
        return False

    def offer(self, header, data):
        self.sent.append((header, data))
        return True


def test_a_late_picture_keeps_its_own_time(pictures):
    from edgemeet.media import wire

    encoder, _ = encoder_of()
    outlet = Outlet()
    source = SimpleNamespace(fps=30, encoder_name="")
    layer = Layer(0, ENCODING, source, encoder, outlet)
    for number in range(50):
        layer.send(RawPicture(next(pictures), 1_000_000 * number))
    decoder = wire.Decoder()
    units = decoder.feed(b"".join(header + data for header, data in outlet.sent))
    assert [round(unit.captured * 1000) for unit in units] == list(range(48))


# --- picamera2's encoder -----------------------------------------------------------------------------------


class FakeOutput:
    pass


class FakeEncoder:
    made = ()

    def __init__(self, **options):
        self.options = options
        self.firsttimestamp = None
        self.keyframes = 0
        self.vd = SimpleNamespace(fileno=lambda: 9)
        type(self).made = (*type(self).made, self)

    def force_key_frame(self):
        self.keyframes += 1


class FakePicamera2:
    def __init__(self):
        self.started = self.stopped = False

    def start_encoder(self, encoder, output, name):
        assert name == "main"
        self.output = output
        self.started = True

    def stop_encoder(self):
        self.stopped = True


def opened_camera(**flip):
    return SimpleNamespace(
        name="picamera2 imx708",
        camera=FakePicamera2(),
        main=SimpleNamespace(width=320, height=180),
        fps=30,
        flip=Flip(horizontal=flip.get("hflip", False), vertical=False),
        close=lambda: None,
    )


def plan_for(**changes):
    return camera_plan(
        **{"source": "picamera2", "encodings": [ENCODING], "width": 320, "height": 180} | changes
    )


@pytest.fixture
def hardware_camera():
    opened, controls = opened_camera(), Controls()
    library = EncoderLibrary(type("Encoder", (FakeEncoder,), {"made": ()}), FakeOutput)
    camera = Picamera2EncodedCamera(plan_for(), opened, library, set_control=controls)
    return SimpleNamespace(
        camera=camera,
        opened=opened,
        controls=controls,
        encoder=library.encoder.made[0],
        output=opened.camera.output,
    )


START = b"\0\0\0\1"
SPS, PPS, IDR, SLICE = (START + bytes([kind]) + b"\x42" * 40 for kind in (0x67, 0x68, 0x65, 0x41))


def test_the_encoder_is_asked_for_what_the_layer_says(hardware_camera):
    assert hardware_camera.encoder.options == {
        "bitrate": 300_000,
        "repeat": True,
        "iperiod": 300,
        "framerate": 30,
        "profile": "constrained baseline",
    }
    assert hardware_camera.camera.encoded
    assert hardware_camera.camera.encoder_name == "picamera2 H264Encoder"


def test_its_pictures_come_with_headers_and_the_sensors_time(hardware_camera):
    first_us = boot_time_ns() // 1000 - 100_000
    hardware_camera.encoder.firsttimestamp = first_us
    for data, keyframe, after in ((SPS + PPS, False, 0), (IDR, True, 0), (SLICE, False, 33_333)):
        hardware_camera.output.outputframe(data, keyframe, after)
    first, second = hardware_camera.camera.read(), hardware_camera.camera.read()
    assert (first.data, first.keyframe) == (SPS + PPS + IDR, True)
    assert (second.data, second.keyframe) == (SLICE, False)
    assert second.captured_ns - first.captured_ns == pytest.approx(33_333_000, abs=1_000_000)


def test_pictures_that_nobody_fetches_are_dropped_up_to_a_keyframe(hardware_camera):
    give = hardware_camera.output.outputframe
    give(SPS + PPS + IDR, True, 0)
    for _ in range(10):
        give(SLICE, False, 0)
    assert hardware_camera.encoder.keyframes == 1
    for _ in range(4):
        hardware_camera.camera.read()
    give(SLICE, False, 0)
    give(SPS + PPS + IDR, True, 0)
    assert hardware_camera.camera.read().keyframe


def test_it_is_steered_and_given_back(hardware_camera, caplog):
    camera = hardware_camera.camera
    camera.request_keyframe()
    camera.set_bitrate(250_000)
    assert hardware_camera.encoder.keyframes == 1
    assert hardware_camera.controls.set == [(9, BITRATE, 250_000)]
    hardware_camera.controls.refused = (BITRATE,)
    camera.set_bitrate(200_000)
    camera.set_bitrate(150_000)
    assert caplog.text.count("keeps its rate") == 1
    camera.close()
    assert hardware_camera.opened.camera.stopped


@pytest.mark.parametrize(
    ("changes", "flip", "there", "taken"),
    [
        ({}, {}, True, True),
        ({}, {}, False, False),
        ({"encoder": "picamera2"}, {}, True, True),
        ({"encoder": "x264"}, {}, True, False),
        ({"encodings": [ENCODING, ENCODING]}, {}, True, False),
        ({"encodings": [VideoEncoding(160, 90, 30, 100_000)]}, {}, True, False),
        ({"encodings": [VideoEncoding(320, 180, 15, 100_000)]}, {}, True, False),
        ({}, {"hflip": True}, True, False),
        ({"codec": "vp8"}, {}, True, False),
    ],
)
def test_it_encodes_where_it_can(changes, flip, there, taken):
    assert fits(plan_for(**changes), opened_camera(**flip), is_there=lambda: there) is taken


@pytest.mark.parametrize(
    ("changes", "there", "message"),
    [({}, False, "/dev/video11"), ({"encodings": [ENCODING, ENCODING]}, True, "one layer")],
)
def test_where_it_is_demanded_and_cannot_be_had_it_says_why(changes, there, message):
    with pytest.raises(DeviceNotInstalled, match=message):
        fits(plan_for(encoder="picamera2", **changes), opened_camera(), is_there=lambda: there)


class Node:
    def __init__(self, converts, fourcc):
        self.converts, self.fourcc = converts, fourcc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def capability(self):
        return Capability("bcm2835-codec", "card", "bus", captures=False, converts=self.converts)

    def formats(self, queue):
        assert queue == CAPTURE_MPLANE
        return [PixelFormat(self.fourcc, "")]


@pytest.mark.parametrize(
    ("node", "there"), [(Node(True, "H264"), True), (Node(True, "YU12"), False), (Node(False, "H264"), False)]
)
def test_the_pis_encoder_is_known_by_what_it_gives(node, there):
    assert hardware.pi_encoder_is_there(lambda _: node) is there


def test_no_such_node_is_no_encoder():
    def missing(_):
        raise FileNotFoundError

    assert hardware.pi_encoder_is_there(missing) is False
