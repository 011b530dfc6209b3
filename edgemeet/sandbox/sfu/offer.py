"""What the sandbox's router can handle."""

from __future__ import annotations

from edgemeet.ortc.consuming import router_capabilities
from edgemeet.ortc.header_extensions import REPAIRED_RTP_STREAM_ID, RTP_STREAM_ID
from edgemeet.ortc.parameters import RtpCapabilities, RtpHeaderExtension


def capabilities() -> RtpCapabilities:
    """The router's capabilities, with the stream ids by which browsers tell their encodings apart.

    mediasoup reads those two and does not send them; the numbers are its own.
    """
    plain = router_capabilities()
    ids = tuple(
        RtpHeaderExtension(kind="video", uri=uri, preferred_id=number, direction="recvonly")
        for uri, number in ((RTP_STREAM_ID, 2), (REPAIRED_RTP_STREAM_ID, 3))
    )
    return plain.model_copy(update={"header_extensions": plain.header_extensions + ids})
