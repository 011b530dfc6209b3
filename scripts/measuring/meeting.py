"""A daemon in the sandbox, and a capture without one: what CI can measure without root and browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgemeet.control import ControlClient, Status
from edgemeet.encoded import AccessUnit
from edgemeet.errors import ControlError
from edgemeet.media.capture import CaptureProcess
from edgemeet.media.plan import camera_plan
from measuring.floor import layers_of
from measuring.picture import FPS, HEIGHT, WIDTH
from measuring.prepared import Material, inserted
from measuring.processes import spent

_ROOM: Final = "abcd-efgh-ijkl"
_SANDBOX: Final = """\
import asyncio
from edgemeet.sandbox import SandboxOptions, serve
options = SandboxOptions(port=0, rooms=("{room}",))
asyncio.run(serve(options, ready=lambda address: print(address.base_url, flush=True)))
"""
_CONFIG: Final = """\
[meeting]
id = "{room}"
api_url = "{url}"
mic = false
[provisioning]
url = "{url}/get-token"
[camera]
source = "file"
device = "{film}"
"""
_WARM_UP: Final = 2.0  # seconds
_DEADLINE: Final = 60.0  # seconds; a busy machine takes a while to start


@dataclass(frozen=True, slots=True)
class Sent:
    """What a daemon did: seconds of processor time until it sent, and then in so many seconds; packets."""

    start: float
    seconds: float
    parent: float
    children: float
    packets: int


async def sending(material: Material, seconds: float) -> Sent:
    """A daemon that passes a film on into a sandbox of its own.

    Raises:
        TimeoutError: it did not come to send.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgemeet-")))
        code = _SANDBOX.format(room=_ROOM)
        sandbox = await stack.enter_async_context(
            _process(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        )
        assert sandbox.stdout is not None
        url = (await asyncio.wait_for(sandbox.stdout.readline(), _DEADLINE)).decode().strip()
        config, control = folder / "edgemeet.toml", folder / "control.sock"
        config.write_text(_CONFIG.format(room=_ROOM, url=url, film=material.film))
        environ = os.environ | {
            "EDGEMEET_CONFIG": str(config),
            "EDGEMEET_CONTROL__SOCKET": str(control),
            "STATE_DIRECTORY": str(folder),
            "RUNTIME_DIRECTORY": str(folder),
        }
        daemon = await stack.enter_async_context(
            _process(
                *(sys.executable, "-m", "edgemeet", "run"), env=environ, stderr=asyncio.subprocess.DEVNULL
            )
        )
        await _packets(ControlClient(control))
        start = spent(daemon.pid).seconds[daemon.pid]
        await _packets(ControlClient(control), more_than=300)
        await asyncio.sleep(_WARM_UP)
        before, sent_before, began = (
            spent(daemon.pid),
            await _packets(ControlClient(control)),
            time.monotonic(),
        )
        await asyncio.sleep(seconds)
        use, sent = spent(daemon.pid).since(before), await _packets(ControlClient(control))
        return Sent(start, time.monotonic() - began, use.parent, use.children, sent - sent_before)


async def capture_cost(material: Material, *, layers: int, seconds: float) -> float:
    """Seconds of processor time of a camera's process for a second of prepared pictures.

    Raises:
        TimeoutError: it gave no pictures.
    """
    plan = camera_plan(
        source="test",
        encodings=layers_of("h264", layers),
        width=WIDTH,
        height=HEIGHT,
        fps=FPS,
        encoder="x264",
    )
    came = asyncio.Event()

    def take(_: AccessUnit) -> None:
        came.set()

    with inserted(material):
        capture = CaptureProcess(plan)
        capture.attach(take)
        task = asyncio.create_task(capture.run())
        try:
            await asyncio.wait_for(came.wait(), _DEADLINE)
            source = capture.status().source
            assert source == "prepared pictures", f"the camera's process reads {source}"
            await asyncio.sleep(_WARM_UP)
            before, began = spent(os.getpid()), time.monotonic()
            await asyncio.sleep(seconds)
            return spent(os.getpid()).since(before).children / (time.monotonic() - began)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _packets(control: ControlClient, *, more_than: int = 0) -> int:
    """That were sent, once they are so many."""
    async with asyncio.timeout(_DEADLINE):
        while True:
            with contextlib.suppress(ControlError):
                status: Status = await asyncio.to_thread(control.status)
                if status.transport is not None and status.transport.packets_sent > more_than:
                    return status.transport.packets_sent
            await asyncio.sleep(0.2)


@contextlib.asynccontextmanager
async def _process(*command: str, **options: object) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with the block."""
    started = await asyncio.create_subprocess_exec(*command, **options)  # type: ignore[arg-type]  # pipes and env
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
        await asyncio.wait_for(started.wait(), _DEADLINE)
