import contextlib
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgemeet.encoded import AccessUnit, VideoEncoding
from edgemeet.errors import DeviceBusy, DeviceError, DeviceFailed
from edgemeet.media import faults, messages, wire
from edgemeet.media.plan import CameraPlan, Deadlines, camera_plan, microphone_plan
from edgemeet.media.signal_watch import SIGNALS

LAYER = VideoEncoding(640, 360, 20, 400_000, 2.0)
NATURAL = st.integers(0, 2**31)
UNITS = st.builds(
    AccessUnit,
    layer=st.integers(0, 255),
    captured=st.integers(0, 2**53).map(lambda ns: ns / 1e9),
    keyframe=st.booleans(),
    data=st.binary(max_size=3000),
    audio_level=st.none() | st.integers(0, 127),
)
MESSAGES = st.one_of(
    UNITS,
    st.builds(messages.RequestKeyframe, NATURAL),
    st.builds(messages.SetBitrate, NATURAL, NATURAL),
    st.builds(messages.SetActive, NATURAL, st.booleans()),
    st.builds(messages.SetMuted, st.booleans()),
    st.just(messages.TakeSnapshot()),
    st.just(messages.Stop()),
    st.builds(messages.Opened, st.text(), st.text(), NATURAL, NATURAL, NATURAL),
    st.builds(messages.Progress, NATURAL, NATURAL, st.sampled_from(sorted(SIGNALS))),
    st.builds(messages.Snapshot, st.binary(max_size=3000)),
    st.builds(messages.Fault, st.text(), st.text(), st.text(), st.none() | st.text()),
    st.builds(messages.Plan, st.builds(camera_plan, encodings=st.just((LAYER,)), label=st.text())),
    st.builds(messages.Plan, st.builds(microphone_plan, tone_hz=st.floats(1, 19_000))),
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(MESSAGES, max_size=6), st.data())
def test_messages_survive_any_cut_of_the_stream(messages, data):
    stream = b"".join(map(wire.encode, messages))
    decoder = wire.Decoder()
    received = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        received += decoder.feed(stream[:size])
        stream = stream[size:]
    assert received == messages


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=64), st.lists(MESSAGES, max_size=2))
@example(b"\x01\x10\x00\x00\x00\x03abc", [])
@example(b"\x01\x01\x00\x00\x00\x02[]", [])
@example(b"\x01\x11\x00\x00\x00\x02{}", [])
def test_rubbish_is_refused_or_waited_for(rubbish, messages):
    decoder = wire.Decoder()
    assert decoder.feed(b"".join(map(wire.encode, messages))) == messages
    with contextlib.suppress(wire.FramingError):
        decoder.feed(rubbish)


@settings(deadline=None)  # the machine may be busy
@given(MESSAGES, st.data())
def test_a_flipped_bit_gives_a_message_or_a_refusal(message, data):
    stream = bytearray(wire.encode(message))
    bit = data.draw(st.integers(0, 8 * len(stream) - 1))
    stream[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(wire.FramingError):
        wire.Decoder().feed(bytes(stream))


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ((2, 17, 0), "version 2"),
        ((1, 99, 0), "unknown message type"),
        ((1, 16, wire.MAX_UNIT + 1), "a message of"),
        ((1, 17, wire.MAX_JSON + 1), "a message of"),
        ((1, 16, 0), "without its header"),
        ((1, 17, 0), "not JSON"),
    ],
)
def test_each_fault_of_the_framing_has_its_name(header, problem):
    with pytest.raises(wire.FramingError, match=problem):
        wire.Decoder().feed(struct.pack("!BBI", *header))


def test_a_unit_costs_eleven_bytes_beside_the_header():
    assert len(wire.encode(AccessUnit(0, 1.0, True, b"data"))) == 6 + 11 + 4


def test_a_plan_crosses_whole():
    plan = camera_plan(
        source="file", device="/a b.mp4", label="Küche", encodings=[LAYER], deadlines=Deadlines(gap=0.5)
    )
    (message,) = wire.Decoder().feed(wire.encode(messages.Plan(plan)))
    assert isinstance(message, messages.Plan)
    assert message.plan == plan
    assert isinstance(message.plan, CameraPlan)


def test_a_device_error_crosses_with_its_class_code_and_hint():
    error = DeviceBusy("another program has it", code="device.busy", hint="close it")
    (fault,) = wire.Decoder().feed(wire.encode(faults.to_fault(error)))
    back = faults.from_fault(fault)
    assert type(back) is DeviceBusy
    assert (back.message, back.code, back.hint) == (error.message, error.code, error.hint)


def test_an_unknown_class_is_still_a_device_error():
    back = faults.from_fault(messages.Fault("SystemExit", "x.y", "what", None))
    assert type(back) is DeviceFailed
    assert isinstance(back, DeviceError)
    assert back.code == "x.y"


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: camera_plan(encodings=[]), "at least one encoding"),
        (lambda: camera_plan(encodings=[LAYER], width=641), "even size"),
        (lambda: camera_plan(encodings=[LAYER], source="file"), "needs a path"),
        (lambda: camera_plan(encodings=[VideoEncoding(640, 361, 20, 1)]), "even size"),
        (lambda: camera_plan(encodings=[VideoEncoding(640, 360, 20, 0)]), "bitrate above 0"),
        (lambda: microphone_plan(bitrate=5_000), "Opus takes"),
        (lambda: microphone_plan(tone_hz=0), "a tone has"),
        (lambda: microphone_plan(gain_db=61), "a gain is"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(build, problem):
    with pytest.raises(ValueError, match=problem):
        build()
