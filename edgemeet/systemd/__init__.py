"""Talking to the service manager."""

from edgemeet.systemd.activation import activated_socket
from edgemeet.systemd.notify import Notifier
from edgemeet.systemd.stacks import StackDump

__all__ = ["Notifier", "StackDump", "activated_socket"]
