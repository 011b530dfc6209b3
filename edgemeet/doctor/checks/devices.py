"""Camera, encoder and microphone. What the running daemon uses is not disturbed, but asked of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from edgemeet.daemon.build import layers_of_camera, plan_of_camera, plan_of_microphone
from edgemeet.doctor.findings import Finding, Outcome, failed, skipped, well, wrong
from edgemeet.doctor.journey import Journey
from edgemeet.doctor.machine import Machine
from edgemeet.errors import DeviceError
from edgemeet.media.survey import Survey

CAMERA_HINT = "`edgemeet devices` lists cameras; docs/devices.md says what goes wrong with them"
MICROPHONE_HINT = "`edgemeet devices` lists microphones; docs/devices.md says what goes wrong with them"
ENCODER_HINT = 'set camera.encoder to "auto"'
SILENT = -75.0  # dBov; as `device.silent`: a working microphone has noise
QUIET = -50.0  # dBov; speech nearby is 20 dB above it

# Seconds of work for one second of video.
NARROW = 0.7  # a busy moment costs pictures
TOO_SLOW = 1.0


async def camera(machine: Machine, journey: Journey) -> Finding:
    """There is one, and this user may open it."""
    settings = journey.settings
    if not settings.meeting.webcam:
        return skipped("meeting.webcam is false")
    if (found := _in_use(machine, "video")) is not None:
        return found
    chosen = settings.camera
    if chosen.source == "test":
        return well("the test picture needs none")
    if chosen.source == "file":
        return _film(Path(chosen.device or ""))
    return listed_camera(await machine.survey(), chosen.source, chosen.device)


def _film(path: Path) -> Finding:
    if os.access(path, os.R_OK):
        return well(f"{path} can be read")
    text = f"the film {path} cannot be read"
    return wrong(Outcome.ERROR, "device.not_found", text, "correct camera.device, or the file's mode")


def listed_camera(survey: Survey, source: str, device: str | None) -> Finding:
    """Whether there is a camera that the configuration may mean. Pure.

    A device may be named by number, id, model or path; a number that is not there is told.
    """
    parts = ("picamera2", "v4l2") if source == "auto" else (source,)
    cameras = [camera for camera in survey.cameras if camera.source in parts]
    if cameras:
        names = ", ".join(camera.name for camera in cameras)
        if device is None or not device.isdecimal() or device in {camera.device for camera in cameras}:
            return well(names)
        text = f"there is no camera {device}; there are: {names}"
        return wrong(Outcome.ERROR, "device.not_found", text, CAMERA_HINT)
    for trouble in survey.troubles:
        # With "auto" a library that is not there is a camera that nobody has.
        if trouble.part in parts and (trouble.code != "device.not_installed" or len(parts) == 1):
            return wrong(Outcome.ERROR, trouble.code, trouble.message, trouble.hint or CAMERA_HINT)
    return wrong(Outcome.ERROR, "device.not_found", "no camera was found", CAMERA_HINT)


async def encoder(machine: Machine, journey: Journey) -> Finding:
    """Five seconds of video are encoded in less than five seconds."""
    settings = journey.settings
    if not settings.meeting.webcam:
        return skipped("meeting.webcam is false")
    chosen = settings.camera
    if chosen.encoder == "picamera2" or chosen.format == "h264":
        return skipped("the camera encodes by itself")
    try:
        tried = await machine.encode(plan_of_camera(settings, layers_of_camera(settings), chosen.codec))
    except DeviceError as error:
        return failed(error, ENCODER_HINT)
    size = f"{chosen.width}x{chosen.height} at {chosen.fps}"
    told = f"{tried.encoder} takes {tried.busy:.0%} of the time for {size} ({tried.cpu:.0%} of a core)"
    if tried.busy < NARROW:
        return well(told)
    return wrong(
        Outcome.ERROR if tried.busy > TOO_SLOW else Outcome.WARNING,
        "host.cpu_short",
        told,
        "set a smaller camera.width and camera.height, a lower camera.fps, or end other programs",
    )


async def microphone(machine: Machine, journey: Journey) -> Finding:
    """One second of sound can be recorded, and it is not silence."""
    settings = journey.settings
    if not settings.meeting.mic:
        return skipped("meeting.mic is false")
    if (found := _in_use(machine, "audio")) is not None:
        return found
    try:
        heard = await machine.listen(plan_of_microphone(settings))
    except DeviceError as error:
        return failed(error, MICROPHONE_HINT)
    told = f"{heard.source}: {-heard.level:.0f} dB below full scale"
    switched = "is it switched off? `alsamixer` shows its level; microphone.gain_db raises it"
    if heard.level < SILENT:
        return wrong(Outcome.WARNING, "device.silent", f"{told}, which is silence", switched)
    if heard.level < QUIET:
        return wrong(
            Outcome.INFO, "device.quiet", f"{told}, which is quiet", f"speak while this runs; {switched}"
        )
    return well(told)


def _in_use(machine: Machine, kind: Literal["audio", "video"]) -> Finding | None:
    """What the running daemon says of a device that it holds open; None when it does not."""
    for capture in machine.daemon.captures if machine.daemon else ():
        if capture.kind == kind and capture.state == "running":
            told = f"the daemon uses {capture.source}"
            if capture.signal == "ok":
                return well(told)
            hint = CAMERA_HINT if kind == "video" else MICROPHONE_HINT
            return wrong(Outcome.WARNING, f"device.{capture.signal}", f"{told}: {capture.signal}", hint)
    return None
