"""What goes over the control socket.

`schema_version` changes when a field changes its meaning or goes away.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal[1] = 1


class Command(StrEnum):
    """What a running daemon can be told; the value is the path under /v1/."""

    REJOIN = "rejoin"
    LEAVE = "leave"
    MUTE = "mute"
    UNMUTE = "unmute"
    CAMERA_ON = "camera/on"
    CAMERA_OFF = "camera/off"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Problem(_Model):
    """Something that is wrong, never with a secret in it."""

    code: str = Field(description="stable dotted name")
    message: str = Field(description="one plain sentence")
    hint: str | None = Field(default=None, description="what a person can do about it")


class HealthStatus(Problem):
    """A condition that holds now."""

    severity: Literal["info", "warning", "error"]
    since: float = Field(description="unix time at which it began")


class PeerStatus(_Model):
    """Another participant."""

    id: str
    name: str


class MeetingStatus(_Model):
    """The meeting the device is in or on its way into."""

    id: str | None
    participant_id: str
    name: str | None
    peers: tuple[PeerStatus, ...] = ()
    protocol: Literal["native", "whip"] | None = Field(
        default=None, description="how it was joined; null while it is not"
    )
    unavailable: tuple[str, ...] = Field(
        default=(),
        description="what cannot be had that way: `roster` (who else is there), `host controls` (being "
        "muted, or removed with a reason), `messages` (pubsub), `metadata`",
    )


class TokenStatus(_Model):
    """The token in use; the token itself is never told."""

    expires_at: float | None = Field(description="unix time, or null when the token names none")


class QualityDurations(_Model):
    """Seconds that a layer was all that it could be, or was not and why."""

    none: float = 0.0
    bandwidth: float = 0.0
    other: float = 0.0


class EncodingStatus(_Model):
    """One layer of a producer, with the names of W3C's webrtc-stats where there is one."""

    ssrc: int
    width: int | None = Field(description="pixels of the last picture; null for sound")
    height: int | None = Field(description="likewise")
    frames_per_second: float | None = Field(description="pictures or packets of sound")
    bitrate: float = Field(description="bits per second sent over the last seconds")
    target_bitrate: int | None = Field(description="bits per second the encoder aims at")
    packets_sent: int
    bytes_sent: int
    frames_sent: int
    key_frames_sent: int
    frames_dropped: int = Field(description="not sent: no connection, no room, or no keyframe yet")
    retransmitted_packets_sent: int
    nack_count: int = Field(description="times the server asked for packets again")
    pli_count: int = Field(description="times it asked for a keyframe")
    packets_lost: int | None = Field(description="as the server counts them")
    fraction_lost: float | None = Field(description="0 to 1, from the last receiver report")
    round_trip_time: float | None = Field(description="seconds")
    jitter: float | None = Field(description="seconds, as the server measures it")
    capture_to_send: float | None = Field(
        default=None, description="seconds from capture to the last packet, the mean of the last seconds"
    )
    rid: str | None = Field(default=None, description="name of the layer, where layers have names")
    active: bool = Field(
        default=True, description="false while the bandwidth does not suffice for it, or nobody watches it"
    )
    quality_limitation_reason: Literal["none", "bandwidth", "other"] = Field(
        default="none", description="why the target is not the most; `other`: nobody watches this layer"
    )
    quality_limitation_durations: QualityDurations = Field(
        default=QualityDurations(), description="seconds of each reason"
    )
    retransmitted_bytes_sent: int = 0
    fir_count: int = Field(default=0, description="keyframes asked for in the stronger form")
    encode_errors: int = Field(default=0, description="of `frames_dropped`, those that made no packets")
    last_report_age: float | None = Field(
        default=None, description="seconds since the server acknowledged something new"
    )


class ProducerStatus(_Model):
    """Something the device publishes."""

    id: str
    kind: Literal["audio", "video"]
    codec: str
    encodings: tuple[EncodingStatus, ...]
    paused: bool = Field(default=False, description="nothing of it is sent, on purpose")


class CaptureView(_Model):
    """A camera or microphone and the process that reads it."""

    kind: Literal["audio", "video"]
    on: bool = Field(description="others see or hear it")
    held_off_by: tuple[str, ...] = Field(default=(), description="who turned it off: config, host, operator")
    state: Literal["off", "stopped", "starting", "running", "waiting"] = Field(
        description="of the process that reads it; a microphone that is off and `running` sends silence"
    )
    signal: Literal["ok", "silent", "frozen", "black"] = Field(
        default="ok", description="whether what it gives is worth anything"
    )
    source: str | None = Field(default=None, description="what is open")
    encoder: str | None = Field(default=None, description="what encodes")
    frames: int = Field(default=0, description="pictures, or periods of 20 ms, that were captured")
    dropped: int = Field(default=0, description="access units that nobody could take in time")
    restarts: int = Field(default=0, description="times its process was replaced")
    audio_level: int | None = Field(
        default=None, description="dBov of the last 20 ms, 0 is full scale, -127 silence; null for cameras"
    )
    placeholder: bool = Field(
        default=False, description="viewers see a still that says why there is no picture"
    )
    problem: Problem | None = Field(default=None, description="what ended the process the last time")


class TransportStatus(_Model):
    """The path media takes."""

    state: str
    round_trip_time: float | None = Field(description="seconds")
    available_bitrate: int | None = Field(description="bits per second that the path is believed to carry")
    bytes_sent: int
    packets_sent: int
    bandwidth_feedback: Literal["transport-cc", "goog-remb", "reports"] | None = Field(
        default=None, description="what `available_bitrate` is made of"
    )
    told_bitrate: int | None = Field(
        default=None, description="bits per second, the last estimate or limit that the server told"
    )
    padding_bytes_sent: int = Field(default=0, description="of `bytes_sent`, those that only probed the path")
    packets_dropped: int = Field(default=0, description="that a full socket or a lost path cost")
    queue_delay: float = Field(default=0.0, description="seconds that a picture handed in now would wait")
    last_feedback_age: float | None = Field(
        default=None, description="seconds since anything came back from the server"
    )


class TimingStatus(_Model):
    """How long the way into the meeting took, in seconds; null until it is known."""

    process_to_first_media: float | None
    attempt_to_token: float | None
    token_to_first_media: float | None


class Status(_Model):
    """GET /v1/status."""

    schema_version: Literal[1] = Field(default=SCHEMA_VERSION, description="of this document")
    version: str
    state: Literal["joining", "joined", "waiting", "held", "left"] = Field(
        description="`waiting` joins again by itself, `held` waits for a person"
    )
    phase: str | None = Field(description="how far a running attempt has come")
    for_seconds: float = Field(description="seconds in this state")
    uptime: float = Field(description="seconds since the process started")
    next_join_in: float | None = Field(description="seconds until the next attempt, while waiting")
    joins: int = Field(description="attempts that got into a meeting")
    attempts: int
    meeting: MeetingStatus
    token: TokenStatus | None
    producers: tuple[ProducerStatus, ...]
    captures: tuple[CaptureView, ...]
    transport: TransportStatus | None
    timing: TimingStatus
    health: tuple[HealthStatus, ...] = Field(
        description="what is wrong now, worst first; empty when all is well"
    )


class Accepted(_Model):
    """The answer to a command that will be carried out."""

    schema_version: Literal[1] = SCHEMA_VERSION
    accepted: Command


class Reloaded(_Model):
    """POST /v1/reload: the configuration was read anew and is good."""

    schema_version: Literal[1] = SCHEMA_VERSION
    applied: tuple[str, ...] = Field(description="changed keys that are in force now, or after the rejoin")
    needs_restart: tuple[str, ...] = Field(
        description="changed keys that the running daemon cannot take over"
    )
    rejoins: bool = Field(description="the meeting is left and joined again for it")


class Refused(_Model):
    """The answer to a request that was not carried out."""

    schema_version: Literal[1] = SCHEMA_VERSION
    error: Problem
