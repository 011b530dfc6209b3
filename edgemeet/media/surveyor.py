"""Looks for devices of one part: `python -P -m edgemeet.media.surveyor PART`, started by `devices`.

Camera stacks hang, print and crash, so each part has a process of its own. The answer is the last line of its
output, a `Survey` as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgemeet.errors import DeviceError, DeviceNotInstalled
from edgemeet.media.survey import Camera, Encoder, Microphone, Mode, Survey, Trouble

# ruff: noqa: PLC0415 - each part loads its own library only

# alsa-lib's own plugins, which are no microphones.
_PLUGINS = frozenset(
    {"null", "lavrate", "samplerate", "speexrate", "jack", "oss", "pulse", "speex", "upmix", "vdownmix"}
)


def picamera2() -> Survey:
    """Cameras that libcamera sees. They are not opened, so a running capture is not disturbed."""
    from edgemeet.media.sources import picamera2_library

    library = picamera2_library.load()
    listed = picamera2_library.cameras(library)
    by_id = {camera.id: camera for camera in library.libcamera.CameraManager.singleton().cameras}
    return Survey(
        cameras=tuple(
            _libcamera_camera(str(one.number), f"{one.model} ({one.id})", by_id[one.id], library.libcamera)
            for one in listed
            if not one.usb and one.id in by_id  # USB cameras are v4l2's
        )
    )


def _libcamera_camera(device: str, name: str, camera: Any, libcamera: Any) -> Camera:
    controls = {control.name: info for control, info in camera.controls.items()}
    limits = controls.get("FrameDurationLimits")
    fps = (round(1_000_000 / limits.min, 3),) if limits and limits.min else ()
    formats = camera.generate_configuration([libcamera.StreamRole.VideoRecording]).at(0).formats
    modes = [
        Mode(str(kind), size.width, size.height, size.width, size.height, fps)
        for kind in formats.pixel_formats
        for size in formats.sizes(kind)
    ]
    return Camera("picamera2", device, name, tuple(modes), tuple(sorted(controls)))


def v4l2() -> Survey:
    """Cameras under /dev/video*."""
    from edgemeet.media.sources import access, v4l2_cameras

    cameras = tuple(
        Camera(
            "v4l2",
            camera.path,
            camera.card,
            tuple(
                Mode(
                    mode.fourcc,
                    mode.size.width,
                    mode.size.height,
                    mode.size.most_width,
                    mode.size.most_height,
                    mode.rates.values,
                    mode.rates.continuous,
                )
                for mode in camera.modes
            ),
        )
        for camera in v4l2_cameras.cameras()
    )
    if not cameras and (hidden := access.unusable(("/dev/video*",))):
        raise access.forbidden(f"the cameras behind {hidden[0]}", hidden)
    return Survey(cameras=cameras)


def alsa() -> Survey:
    """Sound cards that record, by names that stay."""
    try:
        import alsaaudio
    except ImportError as error:
        raise DeviceNotInstalled(
            "the library pyalsaaudio is not installed", hint="sudo apt install python3-alsaaudio"
        ) from error
    names: Sequence[str] = alsaaudio.pcms(alsaaudio.PCM_CAPTURE)
    cards = {
        card: alsaaudio.card_name(index)[1]
        for index, card in zip(alsaaudio.card_indexes(), alsaaudio.cards(), strict=False)
    }
    return Survey(microphones=tuple(microphones(names, cards)))


def microphones(names: Sequence[str], cards: Mapping[str, str]) -> list[Microphone]:
    """Those of alsa-lib's names that a person would choose: each card once, and what asoundrc defines."""
    found = []
    for name in names:
        kind, _, rest = name.partition(":")
        if kind == "plughw" and rest.startswith("CARD="):
            card = rest.removeprefix("CARD=").partition(",")[0]
            found.append(Microphone(name, cards.get(card, card)))
        elif not rest and kind not in _PLUGINS:
            found.append(Microphone(name, "the system's default" if name == "default" else name))
    return found


def encoders() -> Survey:
    """Encoders, tried."""
    from edgemeet.media.encoders import hardware

    found = [Encoder("x264", "h264", hardware=False), Encoder("vpx", "vp8", hardware=False)]
    if hardware.v4l2m2m_works():
        found.insert(0, Encoder("v4l2m2m", "h264", hardware=True))
    if hardware.pi_encoder_is_there():
        found.insert(0, Encoder("picamera2", "h264", hardware=True))
    return Survey(encoders=tuple(found))


PARTS: dict[str, Callable[[], Survey]] = {
    "picamera2": picamera2,
    "v4l2": v4l2,
    "alsa": alsa,
    "encoders": encoders,
}


def main(part: str) -> None:
    """Print what there is of `part`, or why that cannot be told."""
    try:
        survey = PARTS[part]()
    except DeviceError as error:
        survey = Survey(troubles=(Trouble(part, error.code, error.message, error.hint),))
    print("\n" + json.dumps(dataclasses.asdict(survey)), flush=True)  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main(sys.argv[1])
