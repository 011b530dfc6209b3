"""HTTP over a Unix socket between a running daemon and everybody who asks it something."""

from edgemeet.control.client import ControlClient
from edgemeet.control.history import Event, Sample, State, Stats
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
from edgemeet.control.server import listening, serve, serve_metrics

__all__ = [
    "CaptureView",
    "Command",
    "ControlClient",
    "EncodingStatus",
    "Event",
    "HealthStatus",
    "MeetingStatus",
    "PeerStatus",
    "Policy",
    "Problem",
    "ProducerStatus",
    "QualityDurations",
    "Reloaded",
    "Sample",
    "State",
    "Stats",
    "Status",
    "TimingStatus",
    "TokenStatus",
    "TransportStatus",
    "listening",
    "serve",
    "serve_metrics",
]
