"""What was: samples of the last minutes, and events as they happen."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edgemeet.control.models import SCHEMA_VERSION

State = Literal["joining", "joined", "waiting", "held", "left"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Sample(_Model):
    """One second."""

    at: float = Field(description="unix time")
    state: State
    bitrate: float = Field(description="bits per second sent, all producers and layers")
    available_bitrate: int | None = Field(description="bits per second that the path is believed to carry")
    frames_per_second: float = Field(description="pictures per second, of the layer with the most")
    round_trip_time: float | None = Field(description="seconds")
    fraction_lost: float | None = Field(description="0 to 1, of the layer that loses most")
    audio_level: int | None = Field(description="dBov, 0 is full scale, -127 silence; null when off")


class Stats(_Model):
    """GET /v1/stats: the last five minutes, a sample a second, oldest first."""

    schema_version: Literal[1] = SCHEMA_VERSION
    interval: float = Field(description="seconds between two samples")
    samples: tuple[Sample, ...]


class Event(_Model):
    """GET /v1/events: something that happened."""

    schema_version: Literal[1] = SCHEMA_VERSION
    number: int = Field(description="counts the events of this process; a gap is what a slow reader missed")
    at: float = Field(description="unix time")
    kind: Literal["state", "problem", "well", "capture", "peers"] = Field(
        description="another state; a condition came, or went; a camera or microphone changed; people came "
        "or went"
    )
    subject: str = Field(
        description="what it is about: session, camera, microphone, configuration, meeting..."
    )
    value: str = Field(description="the new state, the code of the condition, or the number of people")
    before: str | None = Field(default=None, description="what it was")
    text: str = Field(description="one plain sentence")
