"""ORTC over aiortc: a transport to a mediasoup router, and senders of pre-encoded media on it."""

from edgemeet.rtc.allocation import EncodingLimits, allocate
from edgemeet.rtc.ice import IceServerLike
from edgemeet.rtc.quality import QualityDurations, QualityReason
from edgemeet.rtc.sender import Sender
from edgemeet.rtc.stats import (
    BandwidthFeedback,
    EncodingStats,
    Progress,
    SenderStats,
    TransportState,
    TransportStats,
)
from edgemeet.rtc.transport import SendTransport

__all__ = [
    "BandwidthFeedback",
    "EncodingLimits",
    "EncodingStats",
    "IceServerLike",
    "Progress",
    "QualityDurations",
    "QualityReason",
    "SendTransport",
    "Sender",
    "SenderStats",
    "TransportState",
    "TransportStats",
    "allocate",
]
