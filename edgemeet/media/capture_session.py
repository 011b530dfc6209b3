"""One child process of a capture, with its socket and its deadlines: used once, then replaced."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from edgemeet.encoded import AccessUnit
from edgemeet.errors import DeviceError, DeviceFailed
from edgemeet.media import messages
from edgemeet.media.child_process import ChildProcess
from edgemeet.media.faults import from_fault
from edgemeet.media.link import Link
from edgemeet.media.plan import CapturePlan
from edgemeet.media.signal_watch import Signal
from edgemeet.media.vigil import Vigil

logger = logging.getLogger(__name__)

HELD_CODE = "device.held"  # no other error asks for a restart of the machine


class CaptureSession:
    """Starts a child at once; then `watch` it, and `end` it whatever happened.

    Attributes:
        opened: what the child opened, once it did.
        running_since: when its first frame came, on `clock`.
        frames, dropped: what it captured, and what it dropped because it was not read.

    Raises:
        OSError: no process or socket can be had.
    """

    def __init__(
        self,
        plan: CapturePlan,
        program: Sequence[str],
        *,
        deliver: Callable[[AccessUnit], None],
        clock: Callable[[], float],
        name: str,
        output_level: int,
    ) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                arguments = (*program, str(theirs.fileno()), str(os.getpid()))
                self._child = ChildProcess(arguments, theirs.fileno(), name, output_level=output_level)
        except BaseException:
            ours.close()
            raise
        self._link = Link(ours, self._on_report)
        self._deliver = deliver
        self._clock = clock
        self._deadlines = plan.deadlines
        self._vigil = Vigil(plan.deadlines, clock(), name)
        self._name = name
        self._error: DeviceError | None = None
        self._overdue = self._ending = False
        self._last_frame = 0.0
        self.pid = self._child.pid
        self.opened: messages.Opened | None = None
        self.running_since: float | None = None
        self.frames = self.dropped = 0
        self.signal: Signal = "ok"
        self._snapshot: asyncio.Future[bytes] | None = None

    @property
    def state(self) -> Literal["starting", "running"]:
        """Whether frames have come."""
        return "starting" if self.running_since is None else "running"

    def send(self, command: messages.Command) -> bool:
        """Send a command; False when the child no longer takes any."""
        return self._link.send(command)

    async def snapshot(self) -> bytes:
        """The camera's next picture as a JPEG; those who ask at the same time get the same one.

        Raises:
            DeviceFailed: none could be made, or the child ended.
        """
        if self._snapshot is None or self._snapshot.done():
            self._snapshot = asyncio.get_running_loop().create_future()
            self.send(messages.TakeSnapshot())
        # Shielded, because others may wait for it too.
        jpeg = await asyncio.shield(self._snapshot)
        if not jpeg:
            raise DeviceFailed(f"the {self._name} gave no picture that can be shown", code="snapshot.failed")
        return jpeg

    async def watch(self) -> None:
        """Return when the child ended or missed a deadline; `error` then tells why."""
        # A deadline can move closer only when another phase begins; half the shortest one notices in time.
        longest = min(self._deadlines.first_frame, self._deadlines.gap) / 2
        while not self._link.ended.is_set():
            # Readers run before timers in a turn of the loop, so a loop that was held up has taken in
            # what the child sent meanwhile before it judges the child.
            remaining = self._vigil.remaining(self._clock())
            if remaining <= 0:
                self._overdue = True
                self._error = self._vigil.missed()
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, longest)):
                    await self._link.ended.wait()

    async def end(self) -> None:
        """Stop the child, by force where it does not follow, and free everything.

        One that missed a deadline is not asked first.
        """
        self._ending = True
        if self._snapshot is not None and not self._snapshot.done():
            self._snapshot.set_result(b"")
        self._link.send(messages.Stop())
        stop = 0.0 if self._overdue else self._deadlines.stop
        try:
            if not await self._child.end(stop=stop, terminate=self._deadlines.terminate):
                logger.error("%s: process %d cannot be ended, a driver holds it", self._name, self.pid)
        finally:
            self._link.close()

    @property
    def held(self) -> bool:
        """After `end`: SIGKILL did not end the child, because a driver holds it in the kernel."""
        return self._child.held

    def error(self) -> DeviceError:
        """After `end`: why the child is no more."""
        if self.held:
            return DeviceFailed(
                f"a driver holds the {self._name}'s process {self.pid} in the kernel: it cannot be ended",
                code=HELD_CODE,
                hint="only a restart of the machine helps; `service.allow_reboot` has it done",
            )
        if self._error:
            return self._error
        if self._link.error:
            return DeviceFailed(
                f"the {self._name}'s process sent nonsense: {self._link.error}",
                code="device.process_protocol",
            )
        hint = self._child.output.last_line
        return DeviceFailed(
            f"the {self._name}'s process {_ending(self._child.exit_code)}",
            code="device.process_ended",
            hint=f"its last words: {hint}" if hint else None,
        )

    def healthy_for(self) -> float:
        """Seconds from its first to its last frame."""
        return self._last_frame - self.running_since if self.running_since is not None else 0.0

    def _on_report(self, report: messages.Message) -> None:
        match report:
            case AccessUnit():
                self._frame()
                if not self._ending:
                    self._deliver(report)
            case messages.Progress(frames, dropped, signal_now):
                self.frames, self.dropped, self.signal = frames, dropped, signal_now
                self._frame()
            case messages.Snapshot(jpeg):
                if self._snapshot is not None and not self._snapshot.done():
                    self._snapshot.set_result(jpeg)
            case messages.Opened():
                self.opened = report
                self._vigil.opened(self._clock())
            case messages.Fault():
                self._error = from_fault(report)
            case _:
                logger.debug("%s: a report that is a command: %s", self._name, type(report).__name__)

    def _frame(self) -> None:
        self._last_frame = self._clock()
        if self.running_since is None:
            self.running_since = self._last_frame
        self._vigil.frame(self._last_frame)


def _ending(exit_code: int | None) -> str:
    if exit_code is None:  # it ended between two looks
        return "took long to be ended"
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
