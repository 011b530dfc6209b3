"""A camera or microphone that is always being captured: one child process after the other.

A child that does not open its device, give its first frame, go on giving frames, or stop in time is ended
(SIGTERM, SIGKILL) and replaced. Whoever uses the access units sees a gap and then a keyframe.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

from edgemeet.encoded import AccessUnit, Sink
from edgemeet.errors import DeviceError, DeviceFailed
from edgemeet.media import messages
from edgemeet.media.backoff import delays
from edgemeet.media.capture_session import CaptureSession
from edgemeet.media.plan import CameraPlan, CapturePlan
from edgemeet.media.status import CaptureStatus

logger = logging.getLogger(__name__)

SNAPSHOT_TIMEOUT = 3.0  # seconds; a client of the control socket waits for 5
# -P: the working directory of a service is no place to import from.
CHILD_PROGRAM = (sys.executable, "-P", "-m", "edgemeet.media.child")


class CaptureProcess:
    """An `EncodedSource` whose pictures or sound come from a child process.

    While nobody is attached the device is captured and nothing is encoded. What was set with `set_bitrate`
    and `set_active` outlives the child it was sent to.

    Args:
        plan: what to capture.
        clock: seconds, monotonic; the deadlines are measured on it.
        random: spreads the delays between children.
        program: how the child is started; the socket's number and this process's id are added.
    """

    def __init__(
        self,
        plan: CapturePlan,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        program: Sequence[str] = CHILD_PROGRAM,
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._random = random or Random()
        self._program = program
        self._name = "camera" if plan.kind == "video" else "microphone"
        self._layers = len(plan.encodings) if isinstance(plan, CameraPlan) else 1
        self._bitrates: dict[int, int] = {}
        self._active = [True] * self._layers
        self._muted = False
        self._audio_level: int | None = None
        self._sink: Sink | None = None
        self._session: CaptureSession | None = None
        self._held: CaptureSession | None = None
        self._running = False
        self._children = 0
        self._fruitless = False  # the last child gave no frame
        self._frames = self._dropped = 0
        self._last_error: DeviceError | None = None

    async def run(self) -> None:
        """Keep a child alive until cancelled; then it is gone, and so are its sockets and tasks.

        Raises:
            RuntimeError: it is running already.
        """
        if self._running:
            raise RuntimeError("this capture is running already")
        self._running = True
        try:
            backoff = delays(self._plan.respawn, self._random)
            while True:
                error, healthy = await self._run_child()
                recovered = healthy >= self._plan.respawn.healthy
                if recovered:
                    backoff = delays(self._plan.respawn, self._random)
                self._log(error, new=recovered)
                self._last_error = error
                await asyncio.sleep(next(backoff))
        finally:
            self._running = False

    def attach(self, sink: Sink) -> None:
        """Call `sink` with every access unit from the next keyframe on. One sink at a time.

        A sink that raises loses that access unit; the error is logged.
        """
        self._sink = sink
        for layer in range(self._layers):
            self._send_active(layer)
            self.request_keyframe(layer)

    def detach(self) -> None:
        """Access units are dropped from now on, and soon no longer made."""
        self._sink = None
        for layer in range(self._layers):
            self._send_active(layer)

    def request_keyframe(self, layer: int) -> None:
        """Ask for the next picture of `layer` to be a keyframe."""
        self._send(messages.RequestKeyframe(layer))

    def set_bitrate(self, layer: int, bits_per_second: int) -> None:
        """Ask the encoder of `layer` to aim at this rate from now on."""
        self._bitrates[layer] = bits_per_second
        self._send(messages.SetBitrate(layer, bits_per_second))

    def set_active(self, layer: int, active: bool) -> None:
        """Encode `layer`, or do not; it comes back with a keyframe."""
        self._active[layer] = active
        self._send_active(layer)

    def set_muted(self, muted: bool) -> None:
        """A microphone sends silence instead of what it hears; the device stays open."""
        self._muted = muted
        self._send(messages.SetMuted(muted))

    async def snapshot(self, *, timeout: float = SNAPSHOT_TIMEOUT) -> bytes:
        """The camera's next picture as a JPEG. Its stream goes on.

        Raises:
            DeviceFailed: there is no picture now (code snapshot.camera_lost), none came within `timeout`
                seconds (snapshot.timeout), or none could be made of it (snapshot.failed).
        """
        if self._session is None or self._session.state != "running":
            why = f": {self._last_error.message}" if self._last_error else ""
            raise DeviceFailed(f"the {self._name} gives no picture now{why}", code="snapshot.camera_lost")
        try:
            async with asyncio.timeout(timeout):
                return await self._session.snapshot()
        except TimeoutError:
            raise DeviceFailed(
                f"the {self._name} gave no picture within {timeout:g} s", code="snapshot.timeout"
            ) from None

    def status(self) -> CaptureStatus:
        """How it is doing now."""
        session = self._session
        opened = session.opened if session else None
        wanted = (
            (self._plan.width, self._plan.height, self._plan.fps)
            if isinstance(self._plan, CameraPlan)
            else (0, 0, 0)
        )
        width, height, fps = (opened.width, opened.height, opened.fps) if opened else wanted
        wanted_encoder = self._plan.encoder if isinstance(self._plan, CameraPlan) else "libopus"
        return CaptureStatus(
            kind=self._plan.kind,
            state=session.state if session else "waiting" if self._running else "stopped",
            source=opened.source if opened else self._plan.source,
            encoder=opened.encoder if opened else wanted_encoder,
            width=width,
            height=height,
            fps=fps,
            frames=self._frames + (session.frames if session else 0),
            dropped=self._dropped + (session.dropped if session else 0),
            restarts=max(0, self._children - 1),
            last_error=self._last_error,
            pid=session.pid if session else None,
            running_since=session.running_since if session else None,
            signal=session.signal if session else "ok",
            audio_level=self._audio_level if session else None,
        )

    async def _run_child(self) -> tuple[DeviceError, float]:
        """One child's life: the error that ended it, and how long it gave frames."""
        if self._held is not None and self._held.held:
            # It has the device: another child would be held too, and so on until no process can be started.
            return self._held.error(), 0.0
        self._held = None
        self._children += 1
        # A device that is missing for days must not fill the log with what its library says about it.
        output_level = logging.DEBUG if self._fruitless else logging.INFO
        try:
            session = CaptureSession(
                self._plan,
                self._program,
                deliver=self._deliver,
                clock=self._clock,
                name=self._name,
                output_level=output_level,
            )
        except OSError as error:  # no descriptors, no processes, no memory: all of them pass
            return DeviceFailed(f"the {self._name}'s process cannot be started: {error}"), 0.0
        self._session = session
        try:
            for command in self._standing_commands():
                session.send(command)
            await session.watch()
        finally:
            self._session = None
            self._frames += session.frames
            self._dropped += session.dropped
            await session.end()
            if session.held:
                self._held = session
        self._fruitless = session.running_since is None
        return session.error(), session.healthy_for()

    def _standing_commands(self) -> Iterator[messages.Command]:
        yield messages.Plan(self._plan)
        if self._muted:
            yield messages.SetMuted(True)
        for layer, bits_per_second in self._bitrates.items():
            yield messages.SetBitrate(layer, bits_per_second)
        for layer in range(self._layers):
            if not self._wanted(layer):
                yield messages.SetActive(layer, False)

    def _wanted(self, layer: int) -> bool:
        return self._active[layer] and self._sink is not None

    def _send_active(self, layer: int) -> None:
        self._send(messages.SetActive(layer, self._wanted(layer)))

    def _send(self, command: messages.Command) -> None:
        if self._session and not self._session.send(command):
            logger.debug("%s: %s not sent", self._name, type(command).__name__)

    def _deliver(self, unit: AccessUnit) -> None:
        if unit.audio_level is not None:
            self._audio_level = -unit.audio_level
        if self._sink is None:
            return
        try:
            self._sink(unit)
        except Exception:
            logger.exception("%s: an access unit was lost by its receiver", self._name)

    def _log(self, error: DeviceError, *, new: bool) -> None:
        """A new trouble is a warning; the same one again is for those who look for it."""
        last = self._last_error
        repeated = last is not None and (last.code, last.message) == (error.code, error.message)
        level = logging.DEBUG if repeated and not new else logging.WARNING
        logger.log(level, "%s: %s (%s)", self._name, error.message, error.code)
