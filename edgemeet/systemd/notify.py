"""sd_notify: READY, STATUS, RELOADING, STOPPING and the watchdog."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

import sdnotify

_LONGEST_STATUS = 400  # characters; `systemctl status` shows one line


class Notifier:
    """Tells systemd how the service is. Without systemd every call does nothing.

    READY means: the control socket answers, and the daemon is on its way into the meeting or waits for what
    it cannot hurry. It does not mean "joined": a meeting that is not there, a network that is down or a token
    server that is being repaired must neither fail the start nor hold up the boot. STATUS tells which.

    Args:
        environ: $NOTIFY_SOCKET, $WATCHDOG_USEC, $WATCHDOG_PID.
        clock: seconds, monotonic (CLOCK_MONOTONIC, as RELOADING needs it).
    """

    def __init__(
        self, environ: Mapping[str, str] = os.environ, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._socket = sdnotify.SystemdNotifier() if environ.get("NOTIFY_SOCKET") else None
        self._status: str | None = None
        self.watchdog_timeout = _watchdog_timeout(environ)
        """Seconds without a ping after which systemd kills this process; None when it does not."""

    @property
    def watchdog_interval(self) -> float | None:
        """Seconds between two pings: half of what systemd allows, as sd_watchdog_enabled(3) asks."""
        return None if self.watchdog_timeout is None else self.watchdog_timeout / 2

    def ready(self) -> None:
        """The service does what it should from now on; also ends `reloading`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """New settings are being looked at; `ready` follows whether they were taken or not."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._clock() * 1_000_000)}")

    def status(self, line: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        if line != self._status:
            self._status = line
            # A line break would begin another assignment: WATCHDOG=1, for one.
            self._send(f"STATUS={' '.join(line.split())[:_LONGEST_STATUS]}")

    def ping(self) -> None:
        """Keep the watchdog quiet until the next interval."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Release the socket."""
        if self._socket is not None:
            self._socket.socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            self._socket.notify(message)


def _watchdog_timeout(environ: Mapping[str, str]) -> float | None:
    try:
        allowed = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    pid = environ.get("WATCHDOG_PID")
    if allowed <= 0 or (pid and pid != str(os.getpid())):
        return None
    return allowed / 1_000_000
