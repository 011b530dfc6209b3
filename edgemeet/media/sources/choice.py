"""Which source a plan means."""

from __future__ import annotations

from edgemeet.errors import DeviceNotFound, DeviceNotInstalled
from edgemeet.media.plan import CameraPlan, MicrophonePlan
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
        case "auto":
            raise DeviceNotFound(
                "no camera was found on this device",
                hint='set camera.source to "test" for a test picture or "file" for a video file',
            )
        case other:
            raise DeviceNotInstalled(
                f'the camera source "{other}" is not part of this version of edgemeet',
                hint='use "test" or "file"',
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
