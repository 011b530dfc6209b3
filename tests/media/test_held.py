"""A capture process that SIGKILL does not end: a driver holds it in the kernel (state D)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from rigging.plans import small_camera

from edgemeet.media import child_process
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.capture_session import HELD_CODE
from edgemeet.media.plan import Deadlines, Respawn

OFTEN = Respawn(base=0.05, ceiling=0.05)

STUBBORN = (sys.executable, "-P", str(Path(__file__).with_name("stubborn_child.py")), "hang-in-read")
AT_ONCE = Deadlines(first_frame=0.3, gap=0.3, stop=0.1, terminate=0.1)


async def test_no_other_child_is_started_beside_one_that_is_held(
    recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's part is played: signals are lost, as they are to such a process until its call returns."""
    lost: list[int] = []
    with monkeypatch.context() as kernel:
        kernel.setattr(child_process, "_KILL_TIMEOUT", 0.2)
        kernel.setattr(child_process.ChildProcess, "_signal", lambda self, _: lost.append(self.pid))
        plan = small_camera(deadlines=AT_ONCE, respawn=OFTEN)
        capture = CaptureProcess(plan, program=STUBBORN)
        async with recording(capture) as seen:
            await seen.until(lambda: (error := capture.status().last_error) and error.code == HELD_CODE)
            error, held = capture.status().last_error, set(lost)
            assert error is not None
            assert str(*held) in error.message
            assert "restart" in (error.hint or "")
            # Several turns of the backoff later it is still the only one.
            await asyncio.sleep(1)
            assert (set(lost), capture.status().restarts) == (held, 0)
            # The driver returns.
            kernel.undo()
            os.kill(*held, signal.SIGKILL)
            await seen.until(lambda: capture.status().restarts > 0)
