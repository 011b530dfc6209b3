"""Where `scripts/interop` put what it built. A part that is missing fails a test, it skips none."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]


def part(name: str) -> Path:
    """The path in INTEROP_<name>."""
    value = os.environ.get(f"INTEROP_{name}", "")
    if not value or not Path(value).exists():
        pytest.fail(f"INTEROP_{name} names nothing: run ./scripts/interop")
    return Path(value)


def in_namespace(name: str | None, *command: str) -> tuple[str, ...]:
    """`command` within a network namespace, or as it is."""
    return ("ip", "netns", "exec", name, *command) if name else command


async def eventually(condition: Callable[[], Awaitable[bool]], *, within: float, what: str) -> None:
    try:
        async with asyncio.timeout(within):
            while not await condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not seen within {within:g} s: {what}")


async def end(process: asyncio.subprocess.Process, *, within: float, what: str) -> None:
    """SIGTERM, and the test fails if that is not enough."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), within)
    except TimeoutError:
        process.kill()
        await process.wait()
        pytest.fail(f"{what} did not end within {within:g} s of SIGTERM")
