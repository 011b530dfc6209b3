"""Keeps the device in its meeting: single-use sessions under a long-lived supervisor."""

from edgemeet.supervisor.device import Capture, Device
from edgemeet.supervisor.device_health import DeviceHealth
from edgemeet.supervisor.session import Admitter, Session, SessionOptions
from edgemeet.supervisor.supervisor import State, Supervisor, SupervisorView
from edgemeet.supervisor.switch import Hand
from edgemeet.supervisor.views import Phase, ProducerView, SessionView, Timings

__all__ = [
    "Admitter",
    "Capture",
    "Device",
    "DeviceHealth",
    "Hand",
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
