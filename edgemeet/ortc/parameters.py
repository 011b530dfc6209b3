"""mediasoup's ORTC structures as models.

Names and meanings: mediasoup v3, "RTP Parameters and Capabilities" and the WebRtcTransport API.
Unknown fields are ignored, so that a newer server is no error.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, SerializationInfo, field_serializer
from pydantic.alias_generators import to_camel

from edgemeet.encoded import Kind

CodecParameterValue = str | int | float | bool | None
DtlsRole = Literal["auto", "client", "server"]


class WireModel(BaseModel):
    """A structure of the wire: camelCase there, frozen here."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    def to_wire(self) -> dict[str, Any]:
        """The JSON object for the wire, secrets in clear: never log it."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, context={"reveal": True})


class RtcpFeedback(WireModel):
    """One kind of RTCP feedback a codec takes, such as ("nack", "pli")."""

    type: str
    parameter: str = ""


class RtpCodecCapability(WireModel):
    """A codec that a router or an endpoint can handle."""

    kind: Kind
    mime_type: str
    preferred_payload_type: int | None = Field(default=None, ge=0, le=127)
    clock_rate: int = Field(gt=0)
    channels: int | None = None
    parameters: dict[str, CodecParameterValue] = Field(default_factory=dict)
    rtcp_feedback: tuple[RtcpFeedback, ...] = ()


class RtpHeaderExtension(WireModel):
    """A header extension that a router or an endpoint can handle."""

    kind: Kind | None = None
    uri: str
    preferred_id: int = Field(ge=1, le=255)
    preferred_encrypt: bool = False
    direction: str | None = None


class RtpCapabilities(WireModel):
    """All that a router or an endpoint can handle."""

    codecs: tuple[RtpCodecCapability, ...] = ()
    header_extensions: tuple[RtpHeaderExtension, ...] = ()


class RtpCodecParameters(WireModel):
    """A codec in use."""

    mime_type: str
    payload_type: int = Field(ge=0, le=127)
    clock_rate: int = Field(gt=0)
    channels: int | None = None
    parameters: dict[str, CodecParameterValue] = Field(default_factory=dict)
    rtcp_feedback: tuple[RtcpFeedback, ...] = ()


class RtpHeaderExtensionParameters(WireModel):
    """A header extension in use."""

    uri: str
    id: int = Field(ge=1, le=255)
    encrypt: bool = False
    parameters: dict[str, CodecParameterValue] = Field(default_factory=dict)


class RtxParameters(WireModel):
    """Where the retransmissions of an encoding go (RFC 4588)."""

    ssrc: int = Field(ge=0, le=0xFFFFFFFF)


class RtpEncodingParameters(WireModel):
    """One encoding of a producer or consumer; several of them are simulcast."""

    ssrc: int | None = Field(default=None, ge=0, le=0xFFFFFFFF)
    rid: str | None = None
    codec_payload_type: int | None = None
    rtx: RtxParameters | None = None
    dtx: bool | None = None
    scalability_mode: str | None = None
    scale_resolution_down_by: float | None = None
    max_bitrate: int | None = None
    max_framerate: float | None = None


class RtcpParameters(WireModel):
    """RTCP in use."""

    cname: str | None = None
    reduced_size: bool = True
    mux: bool = True


class RtpParameters(WireModel):
    """What a producer sends or a consumer receives."""

    mid: str | None = None
    codecs: tuple[RtpCodecParameters, ...]
    header_extensions: tuple[RtpHeaderExtensionParameters, ...] = ()
    encodings: tuple[RtpEncodingParameters, ...] = ()
    rtcp: RtcpParameters = RtcpParameters()


class IceParameters(WireModel):
    """ICE credentials of one side."""

    username_fragment: str
    password: SecretStr
    ice_lite: bool = False

    @field_serializer("password")
    def _password(self, value: SecretStr, info: SerializationInfo) -> str:
        revealed = bool(info.context and info.context.get("reveal"))
        return value.get_secret_value() if revealed else str(value)


class IceCandidate(WireModel):
    """One address of the server's. Newer servers say `address`, older ones `ip`; both are sent."""

    foundation: str
    priority: int
    ip: str = ""
    address: str = ""
    protocol: Literal["udp", "tcp"]
    port: int = Field(ge=1, le=65535)
    type: str = "host"
    tcp_type: str | None = None

    @property
    def host(self) -> str:
        """The address to reach."""
        return self.address or self.ip


class DtlsFingerprint(WireModel):
    """Digest of a certificate."""

    algorithm: str
    value: str


class DtlsParameters(WireModel):
    """DTLS role and certificate digests of one side."""

    role: DtlsRole = "auto"
    fingerprints: tuple[DtlsFingerprint, ...]


class WebRtcTransportOptions(WireModel):
    """The server's answer to createWebRtcTransport."""

    id: str
    ice_parameters: IceParameters
    ice_candidates: tuple[IceCandidate, ...]
    dtls_parameters: DtlsParameters
    sctp_parameters: dict[str, Any] | None = None
