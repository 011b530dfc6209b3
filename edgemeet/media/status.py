"""How a capture is doing, for status and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgemeet.encoded import Kind
from edgemeet.errors import DeviceError
from edgemeet.media.signal_watch import Signal

CaptureState = Literal["stopped", "starting", "running", "waiting"]


@dataclass(frozen=True, slots=True)
class CaptureStatus:
    """One look at a capture.

    Attributes:
        state: `stopped` (nobody runs it), `starting` (device not open or no picture yet), `running`,
            `waiting` (the last child failed, the next one is to come).
        source, encoder: what is really in use once the device is open, before that what was asked for.
        width, height, fps: of the capture, not of a layer; 0 for audio.
        frames: pictures or periods of 20 ms captured, over all children.
        dropped: access units thrown away because this process did not read in time, over all children.
        restarts: children started after the first.
        last_error: what ended the last child; kept while the next one runs, for the reader.
        pid: of the running child.
        running_since: seconds on CLOCK_MONOTONIC of the first access unit of the running child.
        signal: whether what is captured is worth anything: `ok`, or `silent`, `frozen`, `black` by now.
        audio_level: loudness of the last 20 ms that were sent, in dBov: 0 is full scale, -127 silence.
        placeholder: viewers see a still, because there is no picture.
    """

    kind: Kind
    state: CaptureState
    source: str
    encoder: str
    width: int
    height: int
    fps: int
    frames: int
    dropped: int
    restarts: int
    last_error: DeviceError | None
    pid: int | None
    running_since: float | None
    signal: Signal = "ok"
    audio_level: int | None = None
    placeholder: bool = False
