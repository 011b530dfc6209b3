"""What the provisioning room is told, without knowing the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, SecretStr


@dataclass(frozen=True, slots=True)
class ProvisioningOptions:
    """Where tokens come from: one of ``url``, ``token``, ``token_file``, or ``api_key`` with ``api_secret``.

    Attributes:
        url: the provisioning server.
        method: how it is asked.
        auth: how the server is shown who asks: not at all, with ``bearer``, with assertions signed by the
            key in ``identity_file``, or with the client certificate that the HTTP client holds.
        timeout: seconds for one whole exchange, also with the rooms API.
        token_ttl: seconds that a locally signed token lives.
    """

    url: str | None = None
    method: Literal["GET", "POST"] = "GET"
    auth: Literal["none", "bearer", "identity", "mtls"] = "none"
    bearer: SecretStr | None = None
    identity_file: Path | None = None
    timeout: float = 10.0
    token: SecretStr | None = None
    token_file: Path | None = None
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    token_ttl: float = 3600.0


@dataclass(frozen=True, slots=True)
class MeetingSource:
    """Which meeting to join, and as whom.

    Attributes:
        source: ``fixed`` takes ``id``; ``create`` makes a meeting through the rooms API, the one with
            ``custom_id`` if that is given; ``provisioned`` takes what the provisioning server names.
        name: the name to show, unless the server names one.
        metadata: for the other participants; the server's entries come on top.
        api_url: VideoSDK's REST API.
    """

    source: Literal["fixed", "create", "provisioned"]
    id: str | None = None
    custom_id: str | None = None
    name: str = "edgemeet"
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
    api_url: str = "https://api.videosdk.live"
