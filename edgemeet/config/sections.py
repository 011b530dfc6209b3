"""The tables of the configuration. docs/configuration.md is made of the descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edgemeet.config.values import (
    AbsolutePath,
    AnyCase,
    BaseUrl,
    Controls,
    CustomId,
    DisplayName,
    Flag,
    Group,
    Integer,
    MeetingId,
    Metadata,
    Number,
    ParticipantId,
    ParticipantIds,
    Pixels,
    Rotation,
    Secret,
    SecretUrl,
    SocketPath,
    Text,
    Topic,
    Url,
)

DEFAULT_RUNTIME_DIRECTORY = Path("/run/edgemeet")
DEFAULT_STATE_DIRECTORY = Path("/var/lib/edgemeet")
SOCKET_NAME = "control.sock"


class Section(BaseModel):
    """A table: frozen, and no key but the known ones."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Meeting(Section):
    """Which meeting to join, and as whom."""

    source: Literal["fixed", "create", "provisioned"] = Field(
        default="fixed",
        description="where the meeting comes from: `fixed` joins `id`; `create` makes a room through the "
        "rooms API, for which the token needs the role `crawler`; `provisioned` takes the id that the "
        "provisioning server answers",
    )
    id: MeetingId | None = Field(
        default=None, description="the meeting to join, or its custom id; `fixed` needs it"
    )
    custom_id: CustomId | None = Field(
        default=None,
        description="the custom id that `create` gives the room; a room that has it already is joined",
    )
    participant_id: ParticipantId | None = Field(
        default=None,
        description="who this device is, different for each device; when absent one is made once and kept in "
        "the state directory",
    )
    name: DisplayName = Field(
        default="edgemeet", description="the name other participants see, at most 120 characters"
    )
    mic: Flag = Field(default=True, description="publish sound")
    webcam: Flag = Field(default=True, description="publish video")
    allow_remote_unmute: Flag = Field(
        default=False,
        description="whether a host of the meeting may turn the microphone and the camera on; hosts may "
        "always turn them off, and what an operator turned off here stays off",
    )
    multistream: Flag = Field(
        default=False,
        description="send several sizes at once so that each viewer gets what fits; not worth it for up to "
        "four participants",
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="anything other participants shall read about this one, at most 8192 bytes as JSON",
    )
    debug_mode: Flag = Field(default=False, description="ask VideoSDK to keep debug data of this participant")
    protocol: Literal["native", "whip", "auto"] = Field(
        default="native",
        description="how the meeting is joined; `whip` publishes over WHIP, without roster, host controls "
        "and messages; `auto` turns to WHIP for a day when the native way fails by its own fault",
    )
    preferred_protocol: Literal["UDP_ONLY", "UDP_OVER_TCP", "TCP_ONLY"] = Field(
        default="UDP_OVER_TCP",
        description="how media travels; `UDP_OVER_TCP` tries UDP first",
    )
    max_bitrate: Annotated[Integer, Field(ge=100_000, le=50_000_000)] | None = Field(
        default=None,
        description="bits per second of everything that is sent; when absent as much as the network carries",
    )
    entry_timeout: Number = Field(
        default=300.0, ge=1, le=86400, description="seconds to wait for a host to let this participant in"
    )
    api_url: BaseUrl = Field(default="https://api.videosdk.live", description="VideoSDK's API")


class Whip(Section):
    """Publishing over WHIP (RFC 9725), with `meeting.protocol` `whip` or `auto`."""

    endpoint: SecretUrl | None = Field(
        default=None,
        description="address of a WHIP server to publish to; when absent VideoSDK's, with the meeting and "
        "the token of the native way in; a secret, because some servers keep a stream's key in it",
    )
    bearer: Secret | None = Field(
        default=None, description="secret sent to `endpoint` as `Authorization: Bearer`"
    )
    after_failures: Annotated[Integer, Field(ge=1, le=100)] = Field(
        default=5,
        description="with `meeting.protocol` `auto`: attempts that must fail by the native protocol's fault "
        "before WHIP is tried; network, token and clock do not count",
    )


class Provisioning(Section):
    """How to get a token. Exactly one way: url, token, token_file, or api_key with api_secret."""

    url: Url | None = Field(
        default=None, description="ask this server for a token; `meeting.source = provisioned` needs it"
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="how to ask `url`")
    auth: Literal["none", "bearer", "identity", "mtls"] = Field(
        default="none",
        description="how to show `url` who asks; `bearer` needs `provisioning.bearer`; `identity` signs each "
        "request with the key that `edgemeet enroll` made; `mtls` needs `provisioning.client_cert`",
    )
    bearer: Secret | None = Field(default=None, description="secret sent to `url` as `Authorization: Bearer`")
    identity_file: AbsolutePath | None = Field(
        default=None,
        description="the identity that `edgemeet enroll` made; when absent the systemd credential "
        "`device-identity`, else `device-identity.json` in the state directory",
    )
    client_cert: AbsolutePath | None = Field(
        default=None, description="file with the certificate (PEM) to show to servers that ask for one"
    )
    client_key: AbsolutePath | None = Field(
        default=None,
        description="file with its private key (PEM, no password); when absent it is in `client_cert` too",
    )
    timeout: Number = Field(
        default=10.0, ge=0.1, le=120, description="seconds that one exchange over HTTP may take in all"
    )
    ca_file: AbsolutePath | None = Field(
        default=None, description="file with the certificates to trust (PEM) instead of the system's"
    )
    token: Secret | None = Field(default=None, description="secret: a token made elsewhere")
    token_file: AbsolutePath | None = Field(
        default=None, description="file that holds a token; it is read again before each join"
    )
    api_key: Secret | None = Field(
        default=None, description="secret: VideoSDK's API key, to sign tokens on this device"
    )
    api_secret: Secret | None = Field(
        default=None,
        description="secret: the API secret of `api_key`; who has it can join every meeting of the account",
    )
    token_ttl: Number = Field(
        default=3600.0, ge=120, le=2592000, description="seconds that a token signed on this device is valid"
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


class Control(Section):
    """The socket that `edgemeet status` and the other commands talk to."""

    socket: SocketPath = Field(
        default=DEFAULT_RUNTIME_DIRECTORY / SOCKET_NAME,
        description="where it lies; when absent `control.sock` in the runtime directory",
    )
    group: Group | None = Field(default=None, description="the group whose members may give commands")


class Metrics(Section):
    """A TCP port on which Prometheus may ask. The control socket answers `GET /metrics` without it."""

    port: Annotated[Integer, Field(ge=1, le=65535)] | None = Field(
        default=None, description="where to listen; when absent nowhere; whoever reaches it may read"
    )
    host: Text = Field(default="127.0.0.1", description="the address to listen on; `0.0.0.0` is all")


class Recovery(Section):
    """How patient the device is when something is wrong; docs/recovery.md says what it does then."""

    start_jitter: Number = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="seconds by which the first join is put off at most, at random; for fleets that get "
        "their power back all at once",
    )
    clock_timeout: Number = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="seconds that the first join waits for the clock to be set, where somebody sets it",
    )
    media_timeout: Number = Field(
        default=4.5,
        ge=2,
        le=60,
        description="seconds after which media that nobody acknowledges is a fault",
    )
    path_timeout: Number = Field(
        default=15.0,
        ge=5,
        le=300,
        description="seconds after which a meeting of which nothing at all is heard is joined anew",
    )
    after_removal: Literal["stay_out", "rejoin"] = Field(
        default="stay_out",
        description="what a removal by a host means; `stay_out` until the provisioning server or an operator "
        "says otherwise, `rejoin` after `removal_hold`",
    )
    removal_hold: Number = Field(
        default=300.0, ge=30, le=86400, description="seconds to stay out after a removal, with `rejoin`"
    )
    duplicate_hold: Number = Field(
        default=600.0,
        ge=60,
        le=86400,
        description="seconds to stay out after this participant id appeared elsewhere, at least; doubled "
        "each time it happens again, up to an hour",
    )


class Service(Section):
    """What the daemon may do to the machine."""

    allow_reboot: Flag = Field(
        default=False,
        description="whether the machine may be restarted when nothing else helps: a driver has held a "
        "capture process in the kernel for two minutes; at most once in half an hour",
    )


class Mqtt(Section):
    """An MQTT broker that is told how the device is, and that may give commands. docs/mqtt.md."""

    host: Text | None = Field(default=None, description="the broker; when absent none")
    port: Annotated[Integer, Field(ge=1, le=65535)] | None = Field(
        default=None, description="when absent 8883, or 1883 without `tls`"
    )
    tls: Flag = Field(default=True, description="encrypt the connection and check the broker's certificate")
    ca_file: AbsolutePath | None = Field(
        default=None, description="file with the certificates to trust (PEM) instead of the system's"
    )
    username: Text | None = Field(default=None, description="who this device is at the broker")
    password: Secret | None = Field(default=None, description="secret that goes with `username`")
    topic: Topic = Field(
        default="edgemeet", description="topics begin with this, a slash and the participant id"
    )
    interval: Number = Field(
        default=10.0,
        ge=1,
        le=3600,
        description="seconds between two publications of the status; events come at once",
    )
    snapshot_interval: Annotated[Number, Field(ge=1, le=86400)] | None = Field(
        default=None, description="seconds between two pictures; when absent none is published"
    )
    commands: Flag = Field(
        default=False, description="obey commands; who may give them is a matter of the broker's rules"
    )
    discovery: Flag = Field(default=True, description="introduce the device to Home Assistant")
    discovery_prefix: Topic = Field(default="homeassistant", description="where Home Assistant looks")


class Remote(Section):
    """Who in the meeting may ask and tell this device. docs/remote.md."""

    participants: ParticipantIds | None = Field(
        default=None, description="their participant ids, with commas between; when absent nobody"
    )


class Log(Section):
    """What is written down."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AnyCase] = Field(
        default="info", description="the least important messages to write"
    )
    format: Literal["auto", "plain", "journal", "json"] = Field(
        default="auto", description="how they look; `auto` is `journal` under systemd, else `plain`"
    )


StateDirectory = Annotated[
    AbsolutePath,
    Field(
        description="where the participant id and the last good answers are kept; when absent "
        "`$STATE_DIRECTORY`; for other users than root `edgemeet` in `$XDG_STATE_HOME`"
    ),
]
RuntimeDirectory = Annotated[
    AbsolutePath,
    Field(
        description="where the control socket lies; when absent `$RUNTIME_DIRECTORY`; for other users than "
        "root `edgemeet` in `$XDG_RUNTIME_DIR`"
    ),
]
