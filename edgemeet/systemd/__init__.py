"""Talking to the service manager."""

from edgemeet.systemd.notify import Notifier

__all__ = ["Notifier"]
