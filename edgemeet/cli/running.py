"""`edgemeet run`."""

from __future__ import annotations

from pathlib import Path

from edgemeet.cli.exits import told_plainly
from edgemeet.cli.loading import kept_for_good


def run_daemon(config: Path | None) -> None:
    """Be a participant of the meeting until SIGTERM or Ctrl-C. A bad configuration ends the process."""
    with told_plainly():
        with kept_for_good():
            from edgemeet.config import load
            from edgemeet.telemetry import Redactor, configure_logging

            settings = load(config)
            redactor = Redactor()
            configure_logging(settings.log.level, settings.log.format, redactor)
            from edgemeet import daemon

        daemon.run(settings, redactor, lambda: load(config))
