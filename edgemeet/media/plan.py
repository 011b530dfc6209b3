"""What a capture process is asked to do: plain frozen dataclasses, crossing to the child as JSON.

No pydantic here, because the child must start fast and small. The builders check values, so that a plan
that exists can be carried out as far as this machine's devices allow.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from edgemeet.encoded import VideoCodec, VideoEncoding

CameraSourceName = Literal["auto", "picamera2", "v4l2", "file", "test"]
MicrophoneSourceName = Literal["auto", "alsa", "file", "tone"]
EncoderName = Literal["auto", "x264", "v4l2m2m", "picamera2", "vpx"]
CameraFormat = Literal["auto", "mjpeg", "yuyv", "h264"]
# What libcamera's controls take: a number, a choice by its name, or several numbers (gains, a rectangle).
ControlValue: TypeAlias = bool | int | float | str | list[int | float]

SAMPLE_RATE = 48_000  # Hz; Opus' own rate
PERIOD_SAMPLES = 960  # 20 ms, the packet time every WebRTC endpoint uses
PERIOD_NS = 20_000_000


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds a capture process may take before it is ended and replaced.

    `gap` and `terminate` keep the way from a frozen child to the next picture under 3 s.
    """

    start: float = 10.0  # from its start to the device being open: a cold Pi loads libcamera slowly
    first_frame: float = 5.0  # from the open device to its first picture or sound
    gap: float = 1.5  # between two of them
    stop: float = 1.0  # from being asked to stop to being gone, before SIGTERM
    terminate: float = 0.3  # from SIGTERM to SIGKILL; the child does not catch SIGTERM


@dataclass(frozen=True, slots=True)
class Respawn:
    """Seconds to wait before a new child: none the first time, then doubling with jitter.

    The ceiling is low, because a device that is plugged in again should be seen within 3 s.
    """

    base: float = 0.25
    ceiling: float = 2.0
    healthy: float = 10.0  # a child that lived this long after its first frame is a first time again


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera, its encoder and its layers (lowest first)."""

    source: CameraSourceName
    device: str | None
    label: str  # drawn into the test picture
    width: int
    height: int
    fps: int
    codec: VideoCodec
    encoder: EncoderName
    encodings: tuple[VideoEncoding, ...]
    capture_format: CameraFormat = "auto"  # what a USB camera is asked for
    hflip: bool = False
    vflip: bool = False
    controls: Mapping[str, ControlValue] = field(default_factory=dict)  # libcamera's, by their names
    tuning_file: str | None = None  # libcamera's, for NoIR modules and lenses of one's own
    deadlines: Deadlines = field(default_factory=Deadlines)
    respawn: Respawn = field(default_factory=Respawn)
    frozen_after: float = 30.0  # seconds of one and the same picture that are worth telling
    black_after: float = 60.0  # seconds
    kind: Literal["video"] = "video"


@dataclass(frozen=True, slots=True)
class MicrophonePlan:
    """One microphone: Opus, 48 kHz, mono, 20 ms."""

    source: MicrophoneSourceName
    device: str
    bitrate: int  # bits per second
    gain_db: float
    tone_hz: float
    deadlines: Deadlines = field(default_factory=Deadlines)
    respawn: Respawn = field(default_factory=Respawn)
    silent_after: float = 60.0  # seconds without any sound that are worth telling
    kind: Literal["audio"] = "audio"


CapturePlan: TypeAlias = CameraPlan | MicrophonePlan


def camera_plan(
    *,
    encodings: Sequence[VideoEncoding],
    source: CameraSourceName = "auto",
    device: str | None = None,
    label: str = "",
    width: int = 1280,
    height: int = 720,
    fps: int = 30,
    codec: VideoCodec = "h264",
    encoder: EncoderName = "auto",
    capture_format: CameraFormat = "auto",
    rotation: int = 0,
    hflip: bool = False,
    vflip: bool = False,
    controls: Mapping[str, ControlValue] | None = None,
    tuning_file: str | None = None,
    deadlines: Deadlines | None = None,
    respawn: Respawn | None = None,
) -> CameraPlan:
    """A checked plan for a camera.

    `encodings` are the layers, lowest bitrate first (`layers.encodings` has VideoSDK's). `device` says
    which camera, for `file` the path. `label` is the device's name, which the test picture shows.
    `rotation` is 0 or 180 degrees; the flips come on top of it.

    Raises:
        ValueError: no layer, odd or unusable sizes, another rotation, `file` without a path.
    """
    layers = tuple(encodings)
    if not layers:
        raise ValueError("a camera needs at least one encoding")
    if width <= 0 or height <= 0 or fps <= 0 or width % 2 or height % 2:
        raise ValueError(f"a camera needs an even size and a frame rate, not {width}x{height} at {fps} fps")
    for layer in layers:
        if layer.width % 2 or layer.height % 2 or min(layer.width, layer.height, layer.fps) <= 0:
            raise ValueError(f"an encoding needs an even size and a frame rate: {layer}")
        if layer.max_bitrate <= 0:
            raise ValueError(f"an encoding needs a bitrate above 0: {layer}")
    if rotation not in {0, 180}:
        raise ValueError(f"a picture can be turned by 0 or 180 degrees, not {rotation}")
    if source == "file" and not device:
        raise ValueError("the camera source 'file' needs a path in device")
    return CameraPlan(
        source=source,
        device=device,
        label=label,
        width=width,
        height=height,
        fps=fps,
        codec=codec,
        encoder=encoder,
        encodings=layers,
        capture_format=capture_format,
        hflip=hflip != (rotation == 180),
        vflip=vflip != (rotation == 180),
        controls=dict(controls or {}),
        tuning_file=tuning_file,
        deadlines=deadlines or Deadlines(),
        respawn=respawn or Respawn(),
    )


def microphone_plan(
    *,
    source: MicrophoneSourceName = "auto",
    device: str = "default",
    bitrate: int = 32_000,
    gain_db: float = 0.0,
    tone_hz: float = 440.0,
    deadlines: Deadlines | None = None,
    respawn: Respawn | None = None,
) -> MicrophonePlan:
    """A checked plan for a microphone.

    `device` is an ALSA name (`default`, `plughw:CARD=Device`), or for `file` the path. `bitrate` is in
    bits per second, 6000 to 510000 as Opus has it (RFC 6716, section 2.1.1). `tone_hz`, of the source
    `tone`, is above 0 and below 20000 and kept to a thousandth.

    Raises:
        ValueError: a value out of range.
    """
    if not 6_000 <= bitrate <= 510_000:
        raise ValueError(f"Opus takes 6000 to 510000 bits per second, not {bitrate}")
    if not 0 < tone_hz < 20_000:
        raise ValueError(f"a tone has above 0 and below 20000 Hz, not {tone_hz}")
    if not -60 <= gain_db <= 60:
        raise ValueError(f"a gain is between -60 and 60 dB, not {gain_db}")
    return MicrophonePlan(
        source=source,
        device=device,
        bitrate=bitrate,
        gain_db=gain_db,
        tone_hz=tone_hz,
        deadlines=deadlines or Deadlines(),
        respawn=respawn or Respawn(),
    )


def to_json(plan: CapturePlan) -> str:
    """The plan as it crosses to the child."""
    return json.dumps(dataclasses.asdict(plan), separators=(",", ":"))


def from_json(text: str | bytes) -> CapturePlan:
    """The plan that `to_json` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        fields = json.loads(text)
        fields["deadlines"] = Deadlines(**fields["deadlines"])
        fields["respawn"] = Respawn(**fields["respawn"])
        if fields["kind"] == "audio":
            return MicrophonePlan(**fields)
        fields["encodings"] = tuple(VideoEncoding(**layer) for layer in fields["encodings"])
        return CameraPlan(**fields)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a capture plan") from error
