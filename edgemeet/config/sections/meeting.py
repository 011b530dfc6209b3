"""The meeting, the ways into it, and how patient the device is with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edgemeet.config.sections.section import Section
from edgemeet.config.values import (
    AbsolutePath,
    BaseUrl,
    CustomId,
    DisplayName,
    Flag,
    Integer,
    MeetingId,
    Metadata,
    Number,
    ParticipantId,
    Secret,
    SecretUrl,
    Url,
)


class Meeting(Section):
    """Which meeting to join, and as whom."""

    source: Literal["fixed", "create", "provisioned"] = Field(
        default="fixed",
        description="where the meeting comes from: `fixed` joins `id`; `create` makes a room through the "
        "rooms API, for which the token needs the role `crawler`; `provisioned` takes the id that the "
        "provisioning server answers",
    )
    id: MeetingId | None = Field(
        default=None, description="the meeting to join, or its custom id; `fixed` needs it"
    )
    custom_id: CustomId | None = Field(
        default=None,
        description="the custom id that `create` gives the room; a room that has it already is joined",
    )
    participant_id: ParticipantId | None = Field(
        default=None,
        description="who this device is, different for each device; when absent one is made once and kept in "
        "the state directory",
    )
    name: DisplayName = Field(
        default="edgemeet", description="the name other participants see, at most 120 characters"
    )
    mic: Flag = Field(default=True, description="publish sound")
    webcam: Flag = Field(default=True, description="publish video")
    allow_remote_unmute: Flag = Field(
        default=False,
        description="whether a host of the meeting may turn the microphone and the camera on; hosts may "
        "always turn them off, and what an operator turned off here stays off",
    )
    multistream: Flag = Field(
        default=False,
        description="send several sizes at once so that each viewer gets what fits; not worth it for up to "
        "four participants",
    )
    metadata: Metadata = Field(
        default_factory=dict,
        description="anything other participants shall read about this one, at most 8192 bytes as JSON",
    )
    debug_mode: Flag = Field(default=False, description="ask VideoSDK to keep debug data of this participant")
    protocol: Literal["native", "whip", "auto"] = Field(
        default="native",
        description="how the meeting is joined; `whip` publishes over WHIP, without roster, host controls "
        "and messages; `auto` turns to WHIP for a day when the native way fails by its own fault",
    )
    preferred_protocol: Literal["UDP_ONLY", "UDP_OVER_TCP", "TCP_ONLY"] = Field(
        default="UDP_OVER_TCP",
        description="how media travels; `UDP_OVER_TCP` tries UDP first",
    )
    max_bitrate: Annotated[Integer, Field(ge=100_000, le=50_000_000)] | None = Field(
        default=None,
        description="bits per second of everything that is sent; when absent as much as the network carries",
    )
    entry_timeout: Number = Field(
        default=300.0, ge=1, le=86400, description="seconds to wait for a host to let this participant in"
    )
    api_url: BaseUrl = Field(default="https://api.videosdk.live", description="VideoSDK's API")


class Whip(Section):
    """Publishing over WHIP (RFC 9725), with `meeting.protocol` `whip` or `auto`."""

    endpoint: SecretUrl | None = Field(
        default=None,
        description="address of a WHIP server to publish to; when absent VideoSDK's, with the meeting and "
        "the token of the native way in; a secret, because some servers keep a stream's key in it",
    )
    bearer: Secret | None = Field(
        default=None, description="secret sent to `endpoint` as `Authorization: Bearer`"
    )
    after_failures: Annotated[Integer, Field(ge=1, le=100)] = Field(
        default=5,
        description="with `meeting.protocol` `auto`: attempts that must fail by the native protocol's fault "
        "before WHIP is tried; network, token and clock do not count",
    )
    back_after: Annotated[Number, Field(ge=1, le=31_536_000)] = Field(
        default=86_400.0,
        description="with `meeting.protocol` `auto`: seconds over WHIP after which the next join tries the "
        "native way again",
    )


class Provisioning(Section):
    """How to get a token. Exactly one way: url, token, token_file, or api_key with api_secret."""

    url: Url | None = Field(
        default=None, description="ask this server for a token; `meeting.source = provisioned` needs it"
    )
    method: Literal["GET", "POST"] = Field(default="GET", description="how to ask `url`")
    auth: Literal["none", "bearer", "identity", "mtls"] = Field(
        default="none",
        description="how to show `url` who asks; `bearer` needs `provisioning.bearer`; `identity` signs each "
        "request with the key that `edgemeet enroll` made; `mtls` needs `provisioning.client_cert`",
    )
    bearer: Secret | None = Field(default=None, description="secret sent to `url` as `Authorization: Bearer`")
    identity_file: AbsolutePath | None = Field(
        default=None,
        description="the identity that `edgemeet enroll` made; when absent the systemd credential "
        "`device-identity`, else `device-identity.json` in the state directory",
    )
    client_cert: AbsolutePath | None = Field(
        default=None, description="file with the certificate (PEM) to show to servers that ask for one"
    )
    client_key: AbsolutePath | None = Field(
        default=None,
        description="file with its private key (PEM, no password); when absent it is in `client_cert` too",
    )
    timeout: Number = Field(
        default=10.0, ge=0.1, le=120, description="seconds that one exchange over HTTP may take in all"
    )
    ca_file: AbsolutePath | None = Field(
        default=None, description="file with certificates to trust (PEM) beside the system's"
    )
    token: Secret | None = Field(default=None, description="secret: a token made elsewhere")
    token_file: AbsolutePath | None = Field(
        default=None, description="file that holds a token; it is read again before each join"
    )
    api_key: Secret | None = Field(
        default=None, description="secret: VideoSDK's API key, to sign tokens on this device"
    )
    api_secret: Secret | None = Field(
        default=None,
        description="secret: the API secret of `api_key`; who has it can join every meeting of the account",
    )
    token_ttl: Number = Field(
        default=3600.0, ge=120, le=2592000, description="seconds that a token signed on this device is valid"
    )


class Recovery(Section):
    """How patient the device is when something is wrong; docs/recovery.md says what it does then."""

    start_jitter: Number = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="seconds by which the first join is put off at most, at random, and the one to a server "
        "that can be reached again; for fleets that get their power, or their server, back all at once",
    )
    clock_timeout: Number = Field(
        default=60.0,
        ge=0,
        le=3600,
        description="seconds that the first join waits for the clock to be set, where somebody sets it",
    )
    media_timeout: Number = Field(
        default=4.5,
        ge=2,
        le=60,
        description="seconds after which media that nobody acknowledges is a fault",
    )
    path_timeout: Number = Field(
        default=15.0,
        ge=5,
        le=300,
        description="seconds after which a meeting of which nothing at all is heard is joined anew",
    )
    probe_servers: Flag = Field(
        default=True,
        description="whether a server that could not be reached is probed during a pause, by TCP connections "
        "over which nothing is sent, so that its return is noticed within two seconds",
    )
    after_removal: Literal["stay_out", "rejoin"] = Field(
        default="stay_out",
        description="what a removal by a host means; `stay_out` until the provisioning server or an operator "
        "says otherwise, `rejoin` after `removal_hold`",
    )
    removal_hold: Number = Field(
        default=300.0, ge=30, le=86400, description="seconds to stay out after a removal, with `rejoin`"
    )
    duplicate_hold: Number = Field(
        default=600.0,
        ge=60,
        le=86400,
        description="seconds to stay out after this participant id appeared elsewhere, at least; doubled "
        "each time it happens again, up to an hour",
    )
