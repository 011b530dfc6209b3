"""Keeps the device in its meeting: single-use sessions under a long-lived supervisor.

`whip_session` is not imported here: it brings what only a device that speaks WHIP needs.
"""

from edgemeet.supervisor.device import Capture, Device
from edgemeet.supervisor.device_health import DeviceHealth
from edgemeet.supervisor.doors import Admitter, EndpointDoor, VideoSdkDoor, WhipDoor
from edgemeet.supervisor.facts import Facts, SessionFacts, Wake
from edgemeet.supervisor.flow import Flow, FlowWatch
from edgemeet.supervisor.limits import DEFAULT_LIMITS, Limits
from edgemeet.supervisor.meeting_events import Attendant
from edgemeet.supervisor.protocol_choice import ProtocolChoice
from edgemeet.supervisor.reasons import root_error
from edgemeet.supervisor.runs_once import Remains, RunsOnce
from edgemeet.supervisor.session import Session, SessionOptions
from edgemeet.supervisor.supervisor import Supervisor
from edgemeet.supervisor.switch import Hand
from edgemeet.supervisor.views import (
    Phase,
    ProducerView,
    SessionView,
    State,
    SupervisorView,
    Timings,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Admitter",
    "Attendant",
    "Capture",
    "Device",
    "DeviceHealth",
    "EndpointDoor",
    "Facts",
    "Flow",
    "FlowWatch",
    "Hand",
    "Limits",
    "Phase",
    "ProducerView",
    "ProtocolChoice",
    "Remains",
    "RunsOnce",
    "Session",
    "SessionFacts",
    "SessionOptions",
    "SessionView",
    "State",
    "Supervisor",
    "SupervisorView",
    "Timings",
    "VideoSdkDoor",
    "Wake",
    "WhipDoor",
    "root_error",
]
