"""The VideoSDK wire: the protoo codec, init-config, the room client and the join dialogue."""

from edgemeet.signaling.events import (
    MeetingEvent,
    MessageReceived,
    MuteRequested,
    Peer,
    PeerJoined,
    PeerLeft,
    ProducerScore,
    RoomSwitchRequested,
    ServerComplained,
    UnmuteRequested,
)
from edgemeet.signaling.initconfig import IceServer, InitConfig, fetch_init_config
from edgemeet.signaling.join import JoinOptions
from edgemeet.signaling.meeting import Meeting
from edgemeet.signaling.messages import DeviceInfo, Mode, PreferredProtocol
from edgemeet.signaling.room import RoomClient, RoomTimings

__all__ = [
    "DeviceInfo",
    "IceServer",
    "InitConfig",
    "JoinOptions",
    "Meeting",
    "MeetingEvent",
    "MessageReceived",
    "Mode",
    "MuteRequested",
    "Peer",
    "PeerJoined",
    "PeerLeft",
    "PreferredProtocol",
    "ProducerScore",
    "RoomClient",
    "RoomSwitchRequested",
    "RoomTimings",
    "ServerComplained",
    "UnmuteRequested",
    "fetch_init_config",
]
