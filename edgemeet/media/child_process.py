"""One child process from its start to its end: no shell, no inherited descriptor, no zombie.

It is waited for through a pidfd, so no thread is needed and its pid cannot be another process's while it
is signalled: only `_reap` lets the kernel forget it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from edgemeet.media.child_output import ChildOutput

# What the daemon's environment holds that a driver's process has no business knowing: secrets, and the
# service manager's channels.
_PRIVATE_PREFIXES = ("EDGEMEET_", "CREDENTIALS_", "LISTEN_", "NOTIFY_", "WATCHDOG_")
_KILL_TIMEOUT = 5.0  # seconds; a process in an uninterruptible call of its driver may take longer


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without secrets and without the service manager's variables."""
    return {key: value for key, value in environ.items() if not key.startswith(_PRIVATE_PREFIXES)}


class ChildProcess:
    """Starts at once; leads a session, and so a process group, of its own.

    The caller must `await end(...)`. Start it in a thread that lives as long as it should: the child asks
    the kernel to be killed when the thread that started it is gone.

    Args:
        arguments: the program and its arguments.
        descriptor: the one descriptor it inherits beside its output; the caller closes its own copy.
        name: for the log.
        output_level: at which its output is logged.
    """

    def __init__(
        self, arguments: Sequence[str], descriptor: int, name: str, *, output_level: int = logging.INFO
    ) -> None:
        reader, writer = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                pass_fds=(descriptor,),
                start_new_session=True,
                env=child_environment(os.environ),
            )
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self.pid = self._process.pid
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except BaseException:
            self._process.kill()
            self._process.wait()
            os.close(reader)
            raise
        self._loop.add_reader(self._pidfd, self._on_exit)
        self.output = ChildOutput(reader, name, self._loop, level=output_level)

    @property
    def exited(self) -> bool:
        """True once it ended by itself or by a signal."""
        return self._exited.is_set()

    @property
    def exit_code(self) -> int | None:
        """After `end`: the exit code, or minus the number of the signal that killed it."""
        return self._process.returncode

    @property
    def held(self) -> bool:
        """After `end`: it still is there, because a driver holds it in the kernel."""
        return self._process.poll() is None

    async def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for its end; True when it ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout)):
                await self._exited.wait()
        return self.exited

    async def end(self, *, stop: float, terminate: float) -> bool:
        """Wait `stop` seconds, send SIGTERM, wait `terminate` seconds, send SIGKILL; then reap it.

        Cancelling this kills it without further waiting. False: even SIGKILL did not end it within 5 s, a
        driver holds it; it is left to the kernel.
        """
        try:
            if not (stop > 0 and await self.wait(stop)):
                self._signal(signal.SIGTERM)
                await self.wait(terminate)
        finally:
            self._signal(signal.SIGKILL)  # also ends processes that it started and left behind
            await self._reap()
        return self.exited

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _reap(self) -> None:
        try:
            await self.wait(_KILL_TIMEOUT)
        finally:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self.output.close()
            with suppress(subprocess.TimeoutExpired):
                # At once, unless this was cancelled twice or a driver holds the process.
                self._process.wait(0.1)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self._exited.set()
