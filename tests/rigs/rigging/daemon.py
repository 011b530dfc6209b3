"""A running daemon as its operator sees it: what it tells, and what it logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from edgemeet.control import Command, ControlClient, Status
from edgemeet.errors import ControlError
from rigging.waiting import end, eventually


class WatchedDaemon:
    """One daemon, with its log and its control socket in `folder`.

    Attributes:
        patience: seconds that are waited for what is expected, unless a test says otherwise.
        process: None until it is started.
    """

    patience = 40.0

    def __init__(self, folder: Path, process: asyncio.subprocess.Process | None = None) -> None:
        self.folder = folder
        self.process = process
        self.control = ControlClient(folder / "control.sock")

    @property
    def log_file(self) -> Path:
        return self.folder / "device.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def __str__(self) -> str:
        return f"-- its log:\n{self.log[-6000:]}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def status(self) -> Status | None:
        """None while it does not answer."""
        try:
            return await asyncio.to_thread(self.control.status)
        except ControlError:
            return None

    async def tell(self, command: Command) -> None:
        await asyncio.to_thread(self.control.send, command)

    async def expect(
        self, condition: Callable[[Status], bool], *, within: float | None = None, what: str = "a status"
    ) -> Status:
        """The first status for which `condition` holds."""
        seen: Status | None = None

        async def holds() -> bool:
            nonlocal seen
            assert self.process
            assert self.process.returncode is None, f"it has ended\n{self}"
            seen = await self.status()
            return seen is not None and condition(seen)

        await eventually(
            holds, within=within or self.patience, what=what, told=lambda: f"last: {seen}\n{self}"
        )
        assert seen is not None
        return seen

    async def stop(self, *, within: float = 5) -> None:
        """SIGTERM; the promise is 5 s."""
        if self.process is not None:
            await end(self.process, within=within, what=f"the daemon\n{self}")
