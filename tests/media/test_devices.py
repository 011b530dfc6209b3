"""Listing devices: what is found, and what a part that hangs or crashes costs."""

import asyncio
import dataclasses
import io
import json
import sys
import time

import pytest
from rich.console import Console

from edgemeet.cli.devices import show
from edgemeet.media import surveyor
from edgemeet.media.devices import survey
from edgemeet.media.survey import Camera, Encoder, Microphone, Mode, Survey, Trouble

CAMERA = Camera(
    "v4l2",
    "/dev/v4l/by-id/usb-x",
    "HD Webcam",
    (
        Mode("MJPG", 1280, 720, 1280, 720, (15.0, 30.0)),
        Mode("YU12", 32, 16, 640, 480, (1.0, 60.0), any_fps_between=True),
        Mode("H264", 640, 480, 640, 480),
    ),
    ("Brightness",),
)
ENCODERS = (Encoder("picamera2", "h264", hardware=True), Encoder("x264", "h264", hardware=False))

PROGRAM = """
import sys, time
answers = {answers!r}
answer = answers[sys.argv[1]]
if answer == "hang":
    time.sleep(3600)
if answer == "crash":
    sys.exit(7)
print("libcamera says hello")
print(answer)
"""


def program(tmp_path, **answers):
    texts = {
        part: answer if isinstance(answer, str) else json.dumps(dataclasses.asdict(answer))
        for part, answer in (dict.fromkeys(surveyor.PARTS, Survey()) | answers).items()
    }
    file = tmp_path / "surveyor.py"
    file.write_text(PROGRAM.format(answers=texts))
    return (sys.executable, str(file))


async def test_all_parts_are_put_together(tmp_path):
    pi = dataclasses.replace(CAMERA, source="picamera2", device="0")
    found = await survey(
        program=program(
            tmp_path,
            picamera2=Survey(cameras=(pi,)),
            v4l2=Survey(cameras=(CAMERA,)),
            alsa=Survey(microphones=(Microphone("default", "the system's default"),)),
            encoders=Survey(encoders=ENCODERS),
        )
    )
    assert found.cameras == (
        dataclasses.replace(pi, encoders=("picamera2", "x264")),
        dataclasses.replace(CAMERA, encoders=("x264",)),
    )
    assert [microphone.device for microphone in found.microphones] == ["default"]
    assert (found.schema_version, found.troubles) == (1, ())


async def test_what_hangs_or_crashes_costs_its_own_part(tmp_path, children):
    started = time.monotonic()
    found = await survey(
        deadline=5,
        program=program(
            tmp_path, picamera2="hang", v4l2="crash", alsa="{}?", encoders=Survey(encoders=ENCODERS)
        ),
    )
    assert time.monotonic() - started < 20
    assert [(trouble.part, trouble.code) for trouble in found.troubles] == [
        ("picamera2", "device.list_timeout"),
        ("v4l2", "device.list_failed"),
        ("alsa", "device.list_failed"),
    ]
    assert found.encoders == ENCODERS
    assert children() == []


async def test_a_listing_that_is_cancelled_leaves_nothing(tmp_path, children):
    task = asyncio.create_task(survey(program=program(tmp_path, **dict.fromkeys(surveyor.PARTS, "hang"))))
    async with asyncio.timeout(10):
        while len(children()) < len(surveyor.PARTS):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while children():
            await asyncio.sleep(0.01)


async def test_this_machine_can_be_asked():
    found = await survey(deadline=60)
    assert {"x264", "vpx"} <= {encoder.name for encoder in found.encoders}
    assert not [trouble for trouble in found.troubles if trouble.code.startswith("device.list")]


def test_microphones_are_cards_and_what_a_person_defined():
    names = ["null", "default", "mic", "pulse", "hw:CARD=Device,DEV=0", "plughw:CARD=Device,DEV=0"]
    found = surveyor.microphones(names, {"Device": "USB PnP Sound Device"})
    assert found == [
        Microphone("default", "the system's default"),
        Microphone("mic", "mic"),
        Microphone("plughw:CARD=Device,DEV=0", "USB PnP Sound Device"),
    ]


def test_a_device_error_is_the_answer(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "libcamera", None)
    surveyor.main("picamera2")
    (trouble,) = json.loads(capsys.readouterr().out.splitlines()[-1])["troubles"]
    assert trouble["code"] == "device.not_installed"


def test_it_can_be_read():
    console = Console(file=io.StringIO(), width=100)
    camera = dataclasses.replace(CAMERA, encoders=("x264",))
    show(
        Survey(
            (camera,), (Microphone("default", "Built-in [1]"),), (), (Trouble("alsa", "a.b", "bad", "do"),)
        ),
        console=console,
    )
    shown = console.file.getvalue()
    for text in (
        'source = "v4l2", device = "/dev/v4l/by-id/usb-x"',
        "1280x720@15/30",
        "32x16 to 640x480@1-60",
        "Built-in [1]",
        "bad (a.b)",
    ):
        assert text in shown
    show(Survey(), console=console)
    assert "no camera was found" in console.file.getvalue()


def test_the_command_prints_json():
    from typer.testing import CliRunner

    from edgemeet.cli.app import app

    result = CliRunner().invoke(app, ["devices", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["schema_version"] == 1
