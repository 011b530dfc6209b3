"""init-config: the REST call that names the signaling server and the ICE servers of a meeting."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    JsonValue,
    SecretStr,
    SerializationInfo,
    TypeAdapter,
    ValidationError,
    field_serializer,
)

from edgemeet import rest
from edgemeet.errors import ProtocolMismatch
from edgemeet.network_faults import blame_clock
from edgemeet.ortc.parameters import WireModel
from edgemeet.refusals import from_reply

PATH: Final = "/infra/v1/meetings/server-init-config"
WHAT: Final = "the init-config API"

# These hide the ICE servers from a casual look and protect nothing: the vendor publishes both in its SDK
# for everybody. Source: `KEY` and `IV` in videosdk/utils.py of `videosdk` 0.4.1 on PyPI (MIT).
ICE_KEY: Final = b"YSJ!gMW!Y1Eu8j1NTb^rZyQiNLplYz*n"
ICE_IV: Final = b"y^LKkEGk0FwxjQ#B"

_MAX_ICE_SERVERS: Final = 32  # a handful is usual; each one costs gathering time
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class IceServer(WireModel):
    """A STUN or TURN server, as RTCIceServer of WebRTC. `url` is an older name of `urls`."""

    urls: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        min_length=1, validation_alias=AliasChoices("urls", "url")
    )
    username: str | None = Field(default=None, repr=False)
    credential: SecretStr | None = None

    @field_serializer("credential")
    def _credential(self, value: SecretStr | None, info: SerializationInfo) -> str | None:
        if value is None:
            return None
        revealed = bool(info.context and info.context.get("reveal"))
        return value.get_secret_value() if revealed else str(value)


class InitConfig(WireModel):
    """Where a meeting's signaling is, and the ICE servers to use with it.

    Attributes:
        signaling_url: a ws:// or wss:// URL without a trailing slash and without a query.
    """

    signaling_url: str
    ice_servers: tuple[IceServer, ...] = ()


_ICE_SERVERS: Final = TypeAdapter(tuple[IceServer | str, ...])


async def fetch_init_config(
    client: httpx.AsyncClient, *, api_url: str, token: str, meeting_id: str, timeout: float = 10.0
) -> InitConfig:
    """Ask the API where to join `meeting_id`. Ask anew for every join: the answer ages.

    Args:
        client: see `rest.new_client`.
        api_url: such as "https://api.videosdk.live".
        meeting_id: the room to join.
        token: sent as it is, without "Bearer".
        timeout: seconds for the whole exchange.

    Raises:
        AuthError, MeetingUnavailable, ServerError: the API refused; see `refusals`.
        ClockError: it refused the token, and this machine's clock is wrong; see `network_faults.blame_clock`.
        NetworkError, ClockError, RateLimited: see `rest.exchange`.
        ProtocolMismatch: ``protocol.init_config`` or ``protocol.ice_servers``, the answer makes no sense.
    """
    reply = await rest.exchange(
        client,
        "POST",
        api_url.rstrip("/") + PATH,
        what=WHAT,
        timeout=timeout,
        headers={"Authorization": token},
        json={"roomId": meeting_id},
    )
    data = reply.body.get("data")
    if reply.status != 200 or (data is None and ("error" in reply.body or "code" in reply.body)):
        refusal = from_reply(reply.status, reply.body, what=WHAT, hide=(token,))
        raise blame_clock(refusal, reply.date, datetime.now(UTC))
    if not isinstance(data, dict):
        raise _mismatch("data must be an object")
    return parse_init_config(data)


def parse_init_config(data: Mapping[str, JsonValue]) -> InitConfig:
    """The `data` of an answer, checked.

    Raises:
        ProtocolMismatch: ``protocol.init_config`` or ``protocol.ice_servers``.
    """
    ice_servers = data.get("iceServers")
    if not isinstance(ice_servers, str | None):
        raise ProtocolMismatch("iceServers in the init-config must be a text", code="protocol.ice_servers")
    return InitConfig(
        signaling_url=_signaling_url(data),
        ice_servers=decrypt_ice_servers(ice_servers) if ice_servers else (),
    )


def decrypt_ice_servers(text: str) -> tuple[IceServer, ...]:
    """The servers in `iceServers`: base64 of AES-256-CBC with PKCS#7 over a JSON array.

    Raises:
        ProtocolMismatch: ``protocol.ice_servers``; the message holds nothing of the text.
    """
    try:
        cipher = Cipher(AES256(ICE_KEY), CBC(ICE_IV)).decryptor()
        padded = cipher.update(base64.b64decode(text, validate=True)) + cipher.finalize()
        unpadder = PKCS7(AES256.block_size).unpadder()
        array = json.loads(unpadder.update(padded) + unpadder.finalize())
        entries = _ICE_SERVERS.validate_python(array)
    except (binascii.Error, ValidationError, ValueError, RecursionError):
        # Nothing of the cause is chained: it would quote credentials.
        raise ProtocolMismatch(
            "iceServers in the init-config cannot be decrypted: it must be base64 of AES-256-CBC over a "
            "JSON array of ICE servers",
            code="protocol.ice_servers",
            hint="The vendor may have changed its constants; a newer edgemeet may know them.",
        ) from None
    servers = (IceServer(urls=(entry,)) if isinstance(entry, str) else entry for entry in entries)
    return tuple(servers)[:_MAX_ICE_SERVERS]


def encrypt_ice_servers(servers: Sequence[IceServer]) -> str:
    """The inverse of `decrypt_ice_servers`, for servers that speak this wire."""
    padder = PKCS7(AES256.block_size).padder()
    plain = json.dumps([server.to_wire() for server in servers], separators=(",", ":")).encode()
    cipher = Cipher(AES256(ICE_KEY), CBC(ICE_IV)).encryptor()
    padded = padder.update(plain) + padder.finalize()
    return base64.b64encode(cipher.update(padded) + cipher.finalize()).decode()


def _signaling_url(data: Mapping[str, JsonValue]) -> str:
    """`signalingUrl` replaces `wss://{baseUrl}` whole. The token goes there, so it is looked at closely."""
    url = data.get("signalingUrl")
    base_url = data.get("baseUrl")
    if url:
        key = "signalingUrl"
        if not isinstance(url, str):
            raise _mismatch("signalingUrl must be a text")
    else:
        key = "baseUrl"
        if not isinstance(base_url, str):
            raise _mismatch("baseUrl must be a host or host:port")
        url = f"wss://{base_url}"
    if not _is_websocket_url(url):
        raise _mismatch(f"{key} does not give a ws:// or wss:// address of a host")
    return url.rstrip("/")


def _is_websocket_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when it is no port number
        host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc) and url.isascii() and url.isprintable()
    return parts.scheme in {"ws", "wss"} and _HOST.fullmatch(host) is not None and plain and " " not in url


def _mismatch(problem: str) -> ProtocolMismatch:
    return ProtocolMismatch(f"the init-config makes no sense: {problem}", code="protocol.init_config")
