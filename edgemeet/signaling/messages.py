"""The `data` of the messages that edgemeet sends and reads, as models.

What edgemeet reads names only the fields it acts on; all others are ignored.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

from pydantic import AliasChoices, Field, JsonValue, ValidationError

from edgemeet.encoded import Kind
from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.parameters import DtlsParameters, RtpCapabilities, RtpParameters, WireModel
from edgemeet.signaling.protoo import JsonObject

Mode = Literal["SEND_AND_RECV", "RECV_ONLY", "SIGNALLING_ONLY"]
PreferredProtocol = Literal["UDP_ONLY", "UDP_OVER_TCP", "TCP_ONLY"]

UNSTATED_REASON: Final = 1007  # VideoSDK's leave reason "unknown"

# What the vendor's SDK sends, from pymediasoup in `videosdk` 0.4.1; data channels are not used yet.
SCTP_CAPABILITIES: Final[JsonObject] = {"numStreams": {"OS": 1024, "MIS": 1024}}


# Sent


class CreateTransport(WireModel):
    """`createWebRtcTransport`: where this client wants to send its media to."""

    preferred_protocol: PreferredProtocol
    force_tcp: bool = False
    producing: bool = True
    consuming: bool = False


class RequestEntry(WireModel):
    """`requestEntry`: asks the hosts to let this participant in."""

    name: str


class DeviceInfo(WireModel):
    """Who joins. `sdkType` is what the vendor's servers know; edgemeet's own name stands in the metadata."""

    sdk_type: str = "python"
    sdk_version: str
    platform: str = "server"
    sdk_metadata: dict[str, JsonValue] = Field(default_factory=dict)


class JoinRequest(WireModel):
    """`join`: enters the meeting."""

    auto_consume: bool = False
    secret: str = Field(repr=False)
    display_name: str
    device: str = "edgemeet"
    device_info: DeviceInfo
    rtp_capabilities: RtpCapabilities
    sctp_capabilities: JsonObject = Field(default_factory=lambda: SCTP_CAPABILITIES)
    meta_data: dict[str, JsonValue] = Field(default_factory=dict)
    mode: Mode
    debug_mode: bool = False
    switching_room: bool = False


class ConnectTransport(WireModel):
    """`connectWebRtcTransport`: this client's DTLS role and fingerprints."""

    transport_id: str
    dtls_parameters: DtlsParameters


class Produce(WireModel):
    """`produce`: announces a producer."""

    transport_id: str
    kind: Kind
    rtp_parameters: RtpParameters
    app_data: dict[str, JsonValue]


# Read


class EntryResponded(WireModel):
    """`entryResponded`: what became of `requestEntry`."""

    decision: str
    peer_id: str | None = Field(default=None, validation_alias=AliasChoices("peerId", "id"))
    session_id: str | None = None
    switching_room_id: str | None = None


class PeerData(WireModel):
    """A participant, in the answer to `join` and in `newPeer`."""

    id: str = Field(validation_alias=AliasChoices("id", "peerId"))
    display_name: str | None = None


class JoinAnswer(WireModel):
    """The answer to `join`. Peers are read one by one: an odd one is no reason to stay out."""

    peers: tuple[JsonValue, ...] = ()


class PeerClosed(WireModel):
    """`peerClosed`: a participant left."""

    peer_id: str = Field(validation_alias=AliasChoices("peerId", "id"))


class EncodingScore(WireModel):
    """How well one encoding arrives: 0 (not at all) to 10, as mediasoup scores it."""

    score: int
    ssrc: int | None = None
    encoding_idx: int | None = None


class ProducerScoreData(WireModel):
    """`producerScore`."""

    producer_id: str
    score: tuple[EncodingScore, ...]


class PubsubMessage(WireModel):
    """The `pubsubMessage` notification."""

    topic: str
    message: JsonValue
    sender_id: str


class ErrorData(WireModel):
    """The `error` notification."""

    code: int = 0
    message: str = ""


class LeaveReason(WireModel):
    """Why the server ends a session."""

    code: int = UNSTATED_REASON
    message: str = ""


class CloseRequest(WireModel):
    """The `close` request."""

    reason: LeaveReason = LeaveReason()


class ProduceAnswer(WireModel):
    """The answer to `produce`."""

    id: str = Field(min_length=1)


_Model = TypeVar("_Model", bound=WireModel)


def read_answer(model: type[_Model], method: str, data: JsonObject) -> _Model:
    """The answer to `method`, checked.

    Raises:
        ProtocolMismatch: ``protocol.answer``; names the field, never its value.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ProtocolMismatch(
            f"the answer to {method} makes no sense at {field or 'its top'}: {first['type']}",
            code="protocol.answer",
        ) from None
