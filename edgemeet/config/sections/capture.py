"""What is seen and heard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edgemeet.config.sections.section import Section
from edgemeet.config.values import (
    AbsolutePath,
    Controls,
    Flag,
    Integer,
    Number,
    Pixels,
    Rotation,
    Text,
)


class Camera(Section):
    """What is seen."""

    source: Literal["auto", "picamera2", "v4l2", "file", "test"] = Field(
        default="auto",
        description="where pictures come from; `auto` takes a Pi's camera (`picamera2`), else the first USB "
        "camera (`v4l2`); `test` is a pattern",
    )
    device: Text | None = Field(
        default=None,
        description="which camera: number, id or model for `picamera2`, a path such as `/dev/v4l/by-id/...` "
        "for `v4l2`, the path of a film for `file`, which needs it; when absent the first camera; "
        "`edgemeet devices` lists them",
    )
    width: Pixels = Field(default=1280, description="pixels, even")
    height: Pixels = Field(default=720, description="pixels, even")
    fps: Annotated[Integer, Field(ge=1, le=60)] = Field(default=30, description="pictures per second")
    format: Literal["auto", "mjpeg", "yuyv", "h264"] = Field(
        default="auto",
        description="what a USB camera is asked for; `h264` passes on what the camera encodes, which may "
        "follow no rate and make no keyframe when one is needed",
    )
    rotation: Rotation = Field(default=0, description="degrees to turn the picture of a camera: 0 or 180")
    hflip: Flag = Field(default=False, description="mirror the picture of a camera left to right")
    vflip: Flag = Field(default=False, description="mirror the picture of a camera upside down")
    controls: Controls = Field(
        default_factory=dict,
        description="libcamera's controls by their names, such as `AfMode` and `ExposureTime`, for "
        "`picamera2`; choices by their names; an unknown one is told with those that the camera has",
    )
    tuning_file: AbsolutePath | None = Field(
        default=None, description="libcamera's tuning file for the camera, such as one for NoIR modules"
    )
    codec: Literal["h264", "vp8"] = Field(
        default="h264", description="how video is encoded when the meeting leaves the choice"
    )
    encoder: Literal["auto", "x264", "v4l2m2m", "picamera2", "vpx"] = Field(
        default="auto",
        description="what encodes; `auto` takes hardware that works, and `status` tells which; `vpx` is for "
        "`vp8`, the others are for `h264`",
    )
    max_bitrate: Annotated[Integer, Field(ge=50_000, le=20_000_000)] | None = Field(
        default=None,
        description="bits per second of the largest picture; when absent VideoSDK's table: 150000 at 320x180 "
        "to 2200000 at 1920x1080",
    )


class Microphone(Section):
    """What is heard."""

    source: Literal["auto", "alsa", "file", "tone"] = Field(
        default="auto", description="where sound comes from; `tone` is a steady test tone"
    )
    device: Text = Field(
        default="default",
        description="an ALSA device by the name of its card, such as `plughw:CARD=Device`, or the path of a "
        "sound file when source is `file`",
    )
    bitrate: Annotated[Integer, Field(ge=6000, le=510_000)] = Field(
        default=32000, description="bits per second of Opus"
    )
    gain_db: Annotated[Number, Field(ge=-40, le=40)] = Field(
        default=0.0, description="decibels of amplification; 6 doubles, -6 halves"
    )
    mute: Literal["close", "silence"] = Field(
        default="close",
        description="what `edgemeet mute` does; `close` closes the device, so that nothing can be heard; "
        "`silence` keeps it open and sends silence, which is quicker to end but not private",
    )
    tone_hz: Annotated[Number, Field(ge=20, le=19_999)] = Field(
        default=440.0, description="hertz of the test tone"
    )
