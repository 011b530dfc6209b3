"""How a sandbox is set up, and where it then is."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Final

from aioice.ice import get_host_addresses

from edgemeet.signaling.initconfig import IceServer

DEFAULT_PORT: Final = 8089


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """A sandbox's settings.

    Attributes:
        host: address to bind, for HTTP and for media.
        port: TCP port of HTTP and signaling; 0 takes a free one.
        api_key, api_secret: what tokens are signed with; made up per run unless given.
        token_ttl: seconds that a token of `/get-token` is valid.
        rooms: meeting ids that exist from the start.
        max_peers: participants in one room; more are refused with 4009.
        max_bitrate: the most that producers are told they may send, bits per second.
        ice_servers: told to clients, encrypted as on the real wire.
        announced_addresses: ICE candidates' addresses instead of the bound ones, for a host behind a NAT.
        linger: seconds that a participant whose websocket is lost without a goodbye stays, with its media; a
            join under the same id ends it. 0 is not at all, as in mediasoup's own examples.
        admin: opens the door `/sandbox/...` through which tests cause faults.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    api_key: str = field(default_factory=lambda: secrets.token_hex(16))
    api_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    token_ttl: float = 600.0
    rooms: tuple[str, ...] = ()
    max_peers: int = 50
    max_bitrate: int | None = None
    ice_servers: tuple[IceServer, ...] = ()
    announced_addresses: tuple[str, ...] = ()
    linger: float = 0.0
    admin: bool = False


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """Where a running sandbox is reached."""

    base_url: str
    port: int


def media_hosts(host: str) -> tuple[str, ...]:
    """The addresses to bind media sockets on: the host itself, or all of the machine's for a wildcard."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - recognised, not bound by default
        found = get_host_addresses(use_ipv4=True, use_ipv6=host == "::")
        return tuple(dict.fromkeys((*found, "127.0.0.1")))
    return ("127.0.0.1",) if host == "localhost" else (host,)


def base_url(host: str, port: int) -> str:
    """The address to give a person who sits at this machine."""
    if host in {"0.0.0.0", ""}:  # noqa: S104 - recognised, not bound by default
        host = "127.0.0.1"
    try:
        shown = f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        shown = host
    return f"http://{shown}:{port}"
