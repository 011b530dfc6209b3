"""Real mediasoup, Chromium, and a device that writes down when each picture passed: what benchmarks run."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser
from rig.device import Device
from rig.room_server import RoomServer
from rigging.chromium import chromium

_TRACED = Path(__file__).parent / "traced.py"
_SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


def find_mediasoup() -> None:
    """Say to the rig where scripts/build-mediasoup has put the server; builds it when it is not there."""
    if "INTEROP_ROOTFS" not in os.environ:
        built = subprocess.run(
            (str(_SCRIPTS / "build-mediasoup"),), stdout=subprocess.PIPE, text=True, check=True
        )
        os.environ["INTEROP_ROOTFS"], os.environ["INTEROP_PACKAGES"] = built.stdout.split()


@contextlib.asynccontextmanager
async def screening(folder: Path) -> AsyncIterator[tuple[RoomServer, Browser]]:
    """A media server and a browser, until the block is left."""
    find_mediasoup()
    async with contextlib.AsyncExitStack() as stack:
        server = RoomServer(folder / "room-server.log")
        stack.push_async_callback(server.stop)
        await server.start()
        browser = await stack.enter_async_context(chromium())
        yield server, browser


@contextlib.asynccontextmanager
async def traced(folder: Path, url: str, config: dict[str, str]) -> AsyncIterator[Device]:
    """The daemon; `trace` knows all when the block is left.

    Args:
        folder: where it may write.
        url: of the server.
        config: variables of the configuration, without EDGEMEET_.
    """
    device = Device(folder, "traced")
    os.environ["TRACE_FOLDER"] = str(folder)
    try:
        await device.start(url, launcher=_TRACED, **config)
        yield device
    except BaseException as error:
        error.add_note(device.log[-3000:])
        raise
    finally:
        await device.stop()


def trace(folder: Path) -> list[str]:
    """The lines that the daemon and its children wrote when they ended."""
    return [line for path in folder.glob("trace-*.txt") for line in path.read_text().splitlines()]
