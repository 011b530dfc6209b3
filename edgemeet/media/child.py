"""The capture process: `python -P -m edgemeet.media.child FD PARENT_PID`, started by the daemon only.

FD is its end of a socketpair. The plan comes first; then it opens the device, encodes, and sends access
units until it is told to stop, its parent is gone, or the device fails. One thread: whatever hangs in a
driver hangs all of it, and the parent's deadlines end it. SIGTERM is not caught, so it always works on a
process that runs at all.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Iterable

from edgemeet.errors import DeviceError
from edgemeet.media import faults, messages
from edgemeet.media.outlet import Outlet, ParentGone
from edgemeet.media.plan import CameraPlan, CapturePlan

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PLAN_TIMEOUT = 10.0  # seconds; the parent sends it right after the start


class _NoPlan(Exception):
    """The parent's first message was something else, or none came."""


def main(arguments: list[str]) -> int:
    """Run one capture; the exit code is 0 when it ended as asked, 1 after a fault that was reported."""
    descriptor, parent = int(arguments[0]), int(arguments[1])
    _die_with(parent)
    os.set_inheritable(descriptor, False)  # a driver's own processes must not hold the socket open
    with socket.socket(fileno=descriptor) as sock:
        outlet = Outlet(sock)
        try:
            plan, early = _receive_plan(outlet)
            _capture(plan, outlet, early)
        except ParentGone:
            return 0
        except DeviceError as error:
            return _report(error, outlet)
    return 0


def _capture(plan: CapturePlan, outlet: Outlet, early: Iterable[messages.Message]) -> None:
    # Imported here, because a camera needs no Opus, a microphone no x264 and a tone no alsa-lib.
    if isinstance(plan, CameraPlan):
        from edgemeet.media import camera  # noqa: PLC0415 - see above

        camera.run(plan, outlet, early)
    else:
        from edgemeet.media import microphone  # noqa: PLC0415 - see above

        microphone.run(plan, outlet, early)


def _receive_plan(outlet: Outlet) -> tuple[CapturePlan, list[messages.Message]]:
    """The plan, and the commands that came right behind it."""
    deadline = time.monotonic() + _PLAN_TIMEOUT
    while (remaining := deadline - time.monotonic()) > 0:
        came = outlet.commands(remaining)
        if came:
            first, *early = came
            if isinstance(first, messages.Plan):
                return first.plan, early
            break
    raise _NoPlan


def _report(error: DeviceError, outlet: Outlet) -> int:
    try:
        outlet.deliver(faults.to_fault(error))
    except ParentGone:
        return 0
    return 1


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, even while a driver blocks it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the call above
        raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
