"""A camera that is never without a picture: while it is lost, its stream carries a still that says so.

Viewers keep the participant and the producer; only the picture changes. The still is a keyframe once a
second and whenever one is asked for, so that somebody who comes late sees it too.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import logging
import time
from collections.abc import Callable

from edgemeet.beat import until_beat
from edgemeet.encoded import AccessUnit, Sink
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import CameraPlan
from edgemeet.media.status import CaptureStatus
from edgemeet.poke import Poke

logger = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two stills
_TICK = 0.25  # seconds between two looks at the camera
# Seconds without a picture that nobody needs to be told about: a child that died is replaced in half of it.
PATIENCE = 1.0
_KEYFRAME_INTERVAL = 0.5  # seconds between two requests to a camera that came back in the midst of a group

# For viewers, who have no use for the paths and names of devices that the errors' messages hold.
_REASONS = {
    "device.busy": "it is in use by another program",
    "device.first_frame_timeout": "it gives no picture",
    "device.forbidden": "there is no permission to open it",
    "device.format_not_offered": "it does not offer the wanted format",
    "device.no_encoder": "there is no encoder for it",
    "device.not_found": "it was not found",
    "device.not_installed": "its software is not installed",
    "device.process_ended": "it stopped unexpectedly",
    "device.stalled": "it gives no picture any more",
    "device.start_timeout": "it does not start",
}
_UNKNOWN_REASON = "it failed"


def reason(code: str) -> str:
    """Why there is no picture, for viewers, by the code of a DeviceError."""
    return _REASONS.get(code, _UNKNOWN_REASON)


def since(lost: datetime.datetime, now: datetime.datetime) -> str:
    """The second line of the still; both times are local. The day is told once it is another one."""
    when = f"{lost:%H:%M}" if lost.date() == now.date() else f"{lost:%H:%M} on {lost:%d %B}"
    return f"camera unavailable since {when}"


def loss(status: CaptureStatus, without_picture: float, patience: float) -> str | None:
    """The code of what is wrong; None while there is a picture or one is still to be hoped for.

    Args:
        status: of the camera.
        without_picture: seconds since the last picture, or since the start.
        patience: seconds that are no loss yet.
    """
    if without_picture < patience:
        return None
    if status.state == "running":
        return "device.stalled"
    return status.last_error.code if status.last_error else None


@dataclasses.dataclass(frozen=True, slots=True)
class _Stills:
    code: str
    text: str
    layers: tuple[tuple[bytes, ...], ...]


class PlaceholderCapture:
    """A camera's capture, with a still where it has nothing to give.

    Pictures of a camera that comes back begin with a keyframe in each layer.

    Args:
        plan: of the camera.
        capture: what captures it.
        clock: seconds, monotonic; the clock that access units are stamped with.
        wall_clock: Unix seconds, for the time on the still.
        interval: seconds between two stills.
        patience: seconds without a picture that are no loss yet.
    """

    def __init__(
        self,
        plan: CameraPlan,
        capture: CaptureProcess,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        interval: float = INTERVAL,
        patience: float = PATIENCE,
    ) -> None:
        self._plan = plan
        self._capture = capture
        self._clock = clock
        self._wall_clock = wall_clock
        # A camera of one picture a second is not lost between two of them.
        self._patience = max(patience, 1.5 / min(encoding.fps for encoding in plan.encodings))
        self._interval = interval
        self._sink: Sink | None = None
        self._active = [True] * len(plan.encodings)
        self._picture_at = clock()
        self._stills: _Stills | None = None
        self._broken = False  # no still can be made for this loss
        self._shown_at = -interval
        self._count = 0
        self._asked: set[int] = set()
        self._covered: set[int] = set()  # layers whose viewers see the still
        self._requested_at: dict[int, float] = {}
        self._poked = Poke()

    async def run(self) -> None:
        """As `CaptureProcess.run`."""
        self._picture_at = self._clock()
        covering = asyncio.create_task(self._cover())
        try:
            await self._capture.run()
        finally:
            covering.cancel()
            await asyncio.gather(covering, return_exceptions=True)

    def attach(self, sink: Sink) -> None:
        """As `CaptureProcess.attach`; the still comes at once if the camera is lost."""
        self._sink = sink
        self._covered.clear()
        self._shown_at = -self._interval
        if self._capture.status().state == "running":
            self._picture_at = self._clock()  # nothing was encoded while nobody was attached
        self._capture.attach(self._on_picture)
        self._poked.give()

    def detach(self) -> None:
        """As `CaptureProcess.detach`."""
        self._sink = None
        self._capture.detach()

    def request_keyframe(self, layer: int) -> None:
        """As `CaptureProcess.request_keyframe`; while the camera is lost the still is sent again."""
        self._asked.add(layer)
        self._poked.give()
        self._capture.request_keyframe(layer)

    def set_bitrate(self, layer: int, bits_per_second: int) -> None:
        """As `CaptureProcess.set_bitrate`."""
        self._capture.set_bitrate(layer, bits_per_second)

    def set_active(self, layer: int, active: bool) -> None:
        """As `CaptureProcess.set_active`; a layer that is off has no still either."""
        self._active[layer] = active
        self._capture.set_active(layer, active)

    def set_muted(self, muted: bool) -> None:
        """As `CaptureProcess.set_muted`."""
        self._capture.set_muted(muted)

    async def snapshot(self) -> bytes:
        """As `CaptureProcess.snapshot`; never of the still."""
        return await self._capture.snapshot()

    def status(self) -> CaptureStatus:
        """As `CaptureProcess.status`, and whether viewers see the still."""
        return dataclasses.replace(self._capture.status(), placeholder=bool(self._covered))

    def _on_picture(self, unit: AccessUnit) -> None:
        self._picture_at = self._clock()
        if unit.layer in self._covered:
            if not unit.keyframe:
                # It would be decoded on top of the still.
                self._request_keyframe(unit.layer)
                return
            self._covered.discard(unit.layer)
        if self._sink is not None:
            self._sink(unit)

    def _request_keyframe(self, layer: int) -> None:
        now = self._clock()
        if now - self._requested_at.get(layer, -_KEYFRAME_INTERVAL) >= _KEYFRAME_INTERVAL:
            self._requested_at[layer] = now
            self._capture.request_keyframe(layer)

    async def _cover(self) -> None:
        while True:
            self._poked.clear()
            code = self._loss()
            if code is None:
                self._stills, self._broken = None, False
            elif self._sink is not None:
                await self._prepare(code)
                if self._loss() is not None:  # it may have come back meanwhile
                    self._show()
            self._asked.clear()
            await self._poked.wait(until_beat(min(_TICK, self._interval / 2)))

    def _loss(self) -> str | None:
        status = self._capture.status()
        if status.state == "running" and (self._sink is None or not any(self._active)):
            # Nothing is encoded, so nothing can be missing.
            self._picture_at = self._clock()
        return loss(status, self._clock() - self._picture_at, self._patience)

    async def _prepare(self, code: str) -> None:
        """Make the still, once for each loss, and again when it would say something else."""
        text = self._text()
        if self._broken or (self._stills and (self._stills.code, self._stills.text) == (code, text)):
            return
        try:
            layers = await asyncio.to_thread(self._encode, text, reason(code))
        except Exception:
            self._broken = True
            logger.exception("camera: no placeholder can be made")
            return
        self._stills = _Stills(code, text, layers)

    def _text(self) -> str:
        # From the monotonic clock, so that a wall clock that is set meanwhile is believed.
        now = self._wall_clock()
        lost = now - (self._clock() - self._picture_at)
        local = datetime.datetime.fromtimestamp
        return since(local(lost).astimezone(), local(now).astimezone())

    def _encode(self, text: str, why: str) -> tuple[tuple[bytes, ...], ...]:
        from edgemeet.media.still import Notice, encode_still  # noqa: PLC0415 - only for a loss, in a thread

        plan = self._plan
        return encode_still(Notice(plan.label, text, why), plan.encodings, plan.codec)

    def _show(self) -> None:
        now = self._clock()
        due = now - self._shown_at >= self._interval
        if self._stills is None or self._sink is None or not (due or self._asked):
            return
        if due:
            self._shown_at = now
        self._count += 1
        for layer, copies in enumerate(self._stills.layers):
            if self._active[layer] and (due or layer in self._asked):
                self._covered.add(layer)
                data = copies[self._count % len(copies)]
                self._give(AccessUnit(layer=layer, captured=now, keyframe=True, data=data))

    def _give(self, unit: AccessUnit) -> None:
        assert self._sink is not None
        try:
            self._sink(unit)
        except Exception:
            logger.exception("camera: a placeholder was lost by its receiver")
