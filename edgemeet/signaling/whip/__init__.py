"""The client's side of WHIP (RFC 9725): one resource on a server that takes media over WebRTC."""

from edgemeet.signaling.whip.resource import WhipResource, WhipTarget
from edgemeet.signaling.whip.videosdk import videosdk_target

__all__ = ["WhipResource", "WhipTarget", "videosdk_target"]
