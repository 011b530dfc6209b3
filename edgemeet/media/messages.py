"""What a capture process and its parent tell each other; `edgemeet.media.wire` carries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edgemeet.encoded import AccessUnit
from edgemeet.media.plan import CapturePlan
from edgemeet.media.signal_watch import Signal


@dataclass(frozen=True, slots=True)
class Plan:
    """Parent to child, first: what to capture."""

    plan: CapturePlan


@dataclass(frozen=True, slots=True)
class RequestKeyframe:
    """Parent to child: the next picture of this layer is to be a keyframe."""

    layer: int


@dataclass(frozen=True, slots=True)
class SetBitrate:
    """Parent to child: the rate this layer's encoder aims at from now on."""

    layer: int
    bits_per_second: int


@dataclass(frozen=True, slots=True)
class SetActive:
    """Parent to child: encode this layer, or do not."""

    layer: int
    active: bool


@dataclass(frozen=True, slots=True)
class SetMuted:
    """Parent to child: a microphone sends silence instead of what it hears, or no longer does."""

    muted: bool


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Parent to child: the next picture is wanted as a JPEG too."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent to child: close the device and end."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Child to parent: the device is open. What it really gives; all 0 and "" where it does not apply."""

    source: str
    encoder: str
    width: int = 0
    height: int = 0
    fps: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Child to parent, about twice a second: pictures or periods captured, access units dropped.

    `signal` tells whether what is captured is worth anything.
    """

    frames: int
    dropped: int
    signal: Signal = "ok"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Child to parent: the picture that was asked for; empty when none could be made."""

    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """Child to parent, last: the DeviceError that ended it. `kind` is the name of its class."""

    kind: str
    code: str
    message: str
    hint: str | None


Command: TypeAlias = Plan | RequestKeyframe | SetBitrate | SetActive | SetMuted | TakeSnapshot | Stop
Report: TypeAlias = AccessUnit | Opened | Progress | Snapshot | Fault
Message: TypeAlias = Command | Report
