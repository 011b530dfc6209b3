"""How people and programs watch and tell the device, and what it may do to its machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edgemeet import places
from edgemeet.config.sections.section import Section
from edgemeet.config.values import (
    AbsolutePath,
    AnyCase,
    Flag,
    Group,
    Integer,
    Number,
    ParticipantIds,
    Secret,
    SocketPath,
    Text,
    Topic,
)


class Control(Section):
    """The socket that `edgemeet status` and the other commands talk to."""

    socket: SocketPath = Field(
        default=places.RUNTIME_DIRECTORY / places.SOCKET_NAME,
        description="where it lies; when absent `control.sock` in the runtime directory",
    )
    group: Group | None = Field(default=None, description="the group whose members may give commands")


class Metrics(Section):
    """A TCP port on which Prometheus may ask. The control socket answers `GET /metrics` without it."""

    port: Annotated[Integer, Field(ge=1, le=65535)] | None = Field(
        default=None, description="where to listen; when absent nowhere; whoever reaches it may read"
    )
    host: Text = Field(default="127.0.0.1", description="the address to listen on; `0.0.0.0` is all")


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


class Service(Section):
    """What the daemon may do to the machine."""

    allow_reboot: Flag = Field(
        default=False,
        description="whether the machine may be restarted when nothing else helps: a driver has held a "
        "capture process in the kernel for two minutes; at most once in half an hour",
    )


class Log(Section):
    """What is written down."""

    level: Annotated[Literal["debug", "info", "warning", "error"], AnyCase] = Field(
        default="info", description="the least important messages to write"
    )
    format: Literal["auto", "plain", "journal", "json"] = Field(
        default="auto", description="how they look; `auto` is `journal` under systemd, else `plain`"
    )
