"""Which source a plan means."""

from __future__ import annotations

from edgemeet.errors import DeviceForbidden, DeviceNotFound, DeviceNotInstalled
from edgemeet.media.plan import CameraPlan, MicrophonePlan
from edgemeet.media.sources import access
from edgemeet.media.sources.protocols import CameraSource, MicrophoneSource

# ruff: noqa: PLC0415 - each source's library is loaded only by the process that uses it


def camera_source(plan: CameraPlan) -> CameraSource:
    """Open the camera of `plan`.

    Raises:
        DeviceError: it cannot be opened.
    """
    match plan.source:
        case "test":
            from edgemeet.media.sources.pattern import PatternCamera

            return PatternCamera(plan)
        case "file":
            from edgemeet.media.sources.video_file import open_video_file

            return open_video_file(plan)
        case "picamera2":
            from edgemeet.media.sources.picamera2 import open_picamera2

            return open_picamera2(plan)
        case "v4l2":
            from edgemeet.media.sources.v4l2 import open_v4l2

            return open_v4l2(plan)
        case "auto":
            return _first_there_is(plan)


def _first_there_is(plan: CameraPlan) -> CameraSource:
    """A camera on a ribbon cable, else a USB camera."""
    from edgemeet.media.sources import picamera2_library, v4l2_cameras
    from edgemeet.media.sources.picamera2 import open_picamera2

    missing: list[str] = []
    try:
        library = picamera2_library.load()
        cameras = [camera for camera in picamera2_library.cameras(library) if not camera.usb]
        picamera2_library.choose(cameras, plan.device)
    except (DeviceNotInstalled, DeviceNotFound, DeviceForbidden) as error:
        missing.append(error.message)
    else:
        return open_picamera2(plan, library=library)
    if plan.device and not plan.device.startswith("/"):
        raise DeviceNotFound(f'there is no camera "{plan.device}": {"; ".join(missing)}')
    if plan.device or v4l2_cameras.cameras():
        from edgemeet.media.sources.v4l2 import open_v4l2

        return open_v4l2(plan)
    if hidden := access.unusable(("/dev/video*", "/dev/media*")):
        raise access.forbidden(f"the cameras behind {hidden[0]}", hidden)
    raise DeviceNotFound(
        f"no camera was found on this device: {'; '.join(missing)}, and there is none under /dev/video*",
        hint='set camera.source = "test" for a test picture or "file" for a film; '
        "`edgemeet devices` lists cameras",
    )


def microphone_source(plan: MicrophonePlan) -> MicrophoneSource:
    """Open the microphone of `plan`.

    Raises:
        DeviceError: it cannot be opened.
    """
    match plan.source:
        case "tone":
            from edgemeet.media.sources.tone import ToneMicrophone

            return ToneMicrophone(plan.tone_hz)
        case "file":
            from edgemeet.media.sources.audio_file import FileMicrophone

            return FileMicrophone(plan.device)
        case "alsa" | "auto":
            from edgemeet.media.sources.alsa import AlsaMicrophone

            return AlsaMicrophone(plan.device)
