"""Waiting with a deadline, and running and ending processes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Awaitable, Callable

import pytest


async def eventually(
    condition: Callable[[], Awaitable[bool]],
    *,
    within: float,
    what: str,
    every: float = 0.05,
    told: Callable[[], str] = str,
) -> None:
    """Fails with `what` and what `told` answers when `condition` does not hold in time."""
    try:
        async with asyncio.timeout(within):
            while not await condition():
                await asyncio.sleep(every)
    except TimeoutError:
        pytest.fail(f"not seen within {within:g} s: {what}\n{told()}".rstrip())


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


def run(command: str, *, feed: str | None = None) -> str:
    """What a command of words without spaces says; the test fails when it does."""
    done = subprocess.run(
        command.split(), input=feed, text=True, capture_output=True, check=False, timeout=30
    )
    if done.returncode:
        pytest.fail(f"{command}: {done.stderr.strip()}")
    return done.stdout
