"""`edgemeet watch` in a real terminal, and commands one after the other as a person gives them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operator.conftest import Device, Tools

pytestmark = [pytest.mark.operator, pytest.mark.timeout(240)]


class Terminal:
    """A tmux of this test's own."""

    def __init__(self, socket: Path, tools: Tools) -> None:
        self._tmux = ("tmux", "-S", socket)
        self._tools = tools

    async def open(self, *command: str | Path) -> None:
        await self._tools.output(
            *self._tmux, "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "40", *command
        )

    async def shown(self) -> str:
        return await self._tools.output(*self._tmux, "capture-pane", "-p")

    async def shows(self, *texts: str) -> str:
        async def so() -> str:
            shown = await self.shown()
            return shown if all(text in shown for text in texts) else ""

        found: str = await self._tools.eventually(so, f"{texts} on the terminal")
        return found

    async def press(self, key: str) -> None:
        await self._tools.output(*self._tmux, "send-keys", key)

    async def gone(self) -> bool:
        process = await asyncio.create_subprocess_exec(
            *map(str, self._tmux), "list-sessions", stdout=-3, stderr=-3
        )
        return await process.wait() != 0

    async def close(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *map(str, self._tmux), "kill-server", stdout=-3, stderr=-3
        )
        await process.wait()


async def test_watching_a_device(device: Device, tools: Tools, tmp_path: Path) -> None:
    await device.run()
    await device.sends()
    terminal = Terminal(tmp_path / "tmux", tools)
    python = (sys.executable, "-m", "edgemeet")
    await terminal.open(*python, "watch", "--socket", device.socket)
    try:
        first = await terminal.shows("joined for", "abcd-efgh-ijkl", "bitrate", "kb/s", "320x180", "opus")
        assert "Traceback" not in first

        async def moved() -> bool:
            return await terminal.shown() != first

        await tools.eventually(moved, "another picture")
        await tools.output(*python, "mute", "--socket", device.socket)
        await terminal.shows("turned off by operator")
        await tools.output(*python, "leave", "--socket", device.socket)
        await tools.output(*python, "wait", "--for", "left", "--socket", device.socket)
        await terminal.shows("left for")
        await terminal.press("C-c")
        await tools.eventually(terminal.gone, "the end of watch")
    finally:
        await terminal.close()


async def test_a_day_of_an_operator(device: Device, tools: Tools) -> None:
    await device.run()
    python = (sys.executable, "-m", "edgemeet")
    at = ("--socket", device.socket)
    assert "joined" in await tools.output(*python, "wait", "--for", "media", "--timeout", "60", *at)
    document = json.loads(await tools.output(*python, "camera", "off", "--json", *at))
    assert document == {"schema_version": 1, "accepted": "camera/off"}
    await device.sees(lambda s: {p.kind for p in s.producers} == {"audio"}, "sound alone")
    await tools.output(*python, "camera", "on", *at)
    await device.sends()
    joins = (await device.sends()).joins
    await tools.output(*python, "rejoin", *at)
    await device.sees(lambda s: s.state == "joined" and s.joins == joins + 1, "another join")
    stats = await asyncio.to_thread(device.control.stats)
    assert {sample.state for sample in stats.samples} >= {"joined"}
