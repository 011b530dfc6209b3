"""HTTP over a Unix socket between a running daemon and everybody who asks it something."""

from edgemeet.control.client import ControlClient
from edgemeet.control.models import (
    CaptureView,
    Command,
    EncodingStatus,
    HealthStatus,
    MeetingStatus,
    PeerStatus,
    Problem,
    ProducerStatus,
    QualityDurations,
    Reloaded,
    Status,
    TimingStatus,
    TokenStatus,
    TransportStatus,
)
from edgemeet.control.peers import Policy
from edgemeet.control.server import listening, serve

__all__ = [
    "CaptureView",
    "Command",
    "ControlClient",
    "EncodingStatus",
    "HealthStatus",
    "MeetingStatus",
    "PeerStatus",
    "Policy",
    "Problem",
    "ProducerStatus",
    "QualityDurations",
    "Reloaded",
    "Status",
    "TimingStatus",
    "TokenStatus",
    "TransportStatus",
    "listening",
    "serve",
]
