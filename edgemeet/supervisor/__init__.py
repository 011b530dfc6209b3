"""Keeps the device in its meeting: single-use sessions under a long-lived supervisor."""

from edgemeet.supervisor.device import Capture, Device
from edgemeet.supervisor.device_health import DeviceHealth
from edgemeet.supervisor.doors import EndpointDoor, VideoSdkDoor, WhipDoor
from edgemeet.supervisor.protocol_choice import ProtocolChoice
from edgemeet.supervisor.session import Admitter, Session, SessionOptions
from edgemeet.supervisor.supervisor import RunsOnce, State, Supervisor, SupervisorView, root_error
from edgemeet.supervisor.switch import Hand
from edgemeet.supervisor.views import Phase, ProducerView, SessionView, Timings
from edgemeet.supervisor.whip_session import WhipOptions, WhipSession

__all__ = [
    "Admitter",
    "Capture",
    "Device",
    "DeviceHealth",
    "EndpointDoor",
    "Hand",
    "Phase",
    "ProducerView",
    "ProtocolChoice",
    "RunsOnce",
    "Session",
    "SessionOptions",
    "SessionView",
    "State",
    "Supervisor",
    "SupervisorView",
    "Timings",
    "VideoSdkDoor",
    "WhipDoor",
    "WhipOptions",
    "WhipSession",
    "root_error",
]
