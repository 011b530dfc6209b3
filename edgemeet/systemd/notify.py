"""sd_notify: READY, STATUS, STOPPING and the watchdog."""

from __future__ import annotations

import os
from collections.abc import Mapping

import sdnotify


class Notifier:
    """Tells systemd how the service is. Without systemd every call does nothing."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._socket = sdnotify.SystemdNotifier() if environ.get("NOTIFY_SOCKET") else None
        self._status: str | None = None

    @property
    def watchdog_interval(self) -> float | None:
        """Seconds between two pings: half of what systemd allows, sd_watchdog_enabled(3); else None."""
        try:
            allowed = int(self._environ.get("WATCHDOG_USEC", ""))
        except ValueError:
            return None
        pid = self._environ.get("WATCHDOG_PID")
        if allowed <= 0 or (pid and pid != str(os.getpid())):
            return None
        return allowed / 2_000_000

    def ready(self) -> None:
        """The service does what it should from now on."""
        self._send("READY=1")

    def status(self, line: str) -> None:
        """One line for `systemctl status`; sent only when it changed."""
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

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
