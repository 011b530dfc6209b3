"""Keeps the device in its meeting: single-use sessions under a long-lived supervisor."""

from edgemeet.supervisor.device import Capture, Device
from edgemeet.supervisor.session import (
    Phase,
    ProducerView,
    Session,
    SessionOptions,
    SessionView,
    Timings,
)
from edgemeet.supervisor.supervisor import State, Supervisor, SupervisorView

__all__ = [
    "Capture",
    "Device",
    "Phase",
    "ProducerView",
    "Session",
    "SessionOptions",
    "SessionView",
    "State",
    "Supervisor",
    "SupervisorView",
    "Timings",
]
