"""Finding a path to an ICE-lite server with aiortc's ICE objects."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Sequence
from typing import Protocol

from pydantic import SecretStr

from edgemeet.errors import TransportFailed
from edgemeet.ortc.parameters import IceCandidate, IceParameters, WebRtcTransportOptions
from edgemeet.rtc import aiortc_private
from edgemeet.rtc.aiortc_parts import (
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
    parse_stun_turn_uri,
)
from edgemeet.rtc.aiortc_private import TurnServer

logger = logging.getLogger(__name__)

# Relays are asked beside the direct checks, which they never delay. One that takes longer is dead.
RELAY_TIMEOUT = 5.0
# The usual list names one server by UDP, TCP and TLS.
MAX_RELAYS = 3
# Seconds that UDP has for itself before TCP, which suits media badly, is tried too: a check that is lost is
# repeated after half of it.
UDP_HEAD_START = 1.0
TCP_TIMEOUT = 5.0


class IceServerLike(Protocol):
    """A STUN or TURN server, as RTCIceServer of WebRTC."""

    @property
    def urls(self) -> Sequence[str]:
        """stun:, turn: and turns: URLs."""

    @property
    def username(self) -> str | None:
        """For TURN."""

    @property
    def credential(self) -> SecretStr | None:
        """For TURN."""


def turn_servers(ice_servers: Sequence[IceServerLike]) -> list[TurnServer]:
    """The relays to ask, at most three; what cannot be used is left out.

    STUN servers are not asked: the peer is ICE-lite, is never told our candidates, and learns our public
    address from the checks themselves.
    """
    servers: list[TurnServer] = []
    for entry in ice_servers:
        for url in entry.urls:
            try:
                parsed = parse_stun_turn_uri(url)
            except ValueError:
                logger.warning("an ICE server's URL is not understood and left out")
                continue
            tls = parsed["scheme"] == "turns"
            if not parsed["scheme"].startswith("turn") or parsed["transport"] not in ("udp", "tcp"):
                continue
            if tls and parsed["transport"] != "tcp":
                continue  # DTLS to the relay is not to be had here
            servers.append(
                TurnServer(
                    host=parsed["host"],
                    port=parsed["port"],
                    transport=parsed["transport"],
                    tls=tls,
                    username=entry.username,
                    password=entry.credential.get_secret_value() if entry.credential else None,
                )
            )
    return list(dict.fromkeys(servers))[:MAX_RELAYS]


def local_addresses(remotes: Sequence[IceCandidate]) -> list[str]:
    """The addresses to send checks from; loopback only where the server is there."""
    addresses = list(aiortc_private.host_addresses())
    for candidate in remotes:
        remote = ipaddress.ip_address(candidate.host)
        loopback = "127.0.0.1" if remote.version == 4 else "::1"
        if remote.is_loopback and loopback not in addresses:
            addresses.append(loopback)
    return addresses


def usable_candidates(options: WebRtcTransportOptions) -> list[IceCandidate]:
    """The server's candidates that can be reached: those with an IP address, and not TCP's active ones."""
    usable = []
    for candidate in options.ice_candidates:
        try:
            ipaddress.ip_address(candidate.host)
        except ValueError:
            logger.warning("the server's ICE candidate %r is no IP address and left out", candidate.host)
            continue
        if candidate.protocol == "udp" or candidate.tcp_type in (None, "passive"):
            usable.append(candidate)
    return usable


class IcePath:
    """The path to one server. Used once."""

    def __init__(self) -> None:
        # Without an explicit list aiortc asks a public STUN server.
        self._gatherer = RTCIceGatherer(iceServers=[])
        aiortc_private.make_controlling(self._gatherer)
        aiortc_private.keep_consent(self._gatherer)
        self.transport = RTCIceTransport(self._gatherer)
        self._addresses: list[str] = []
        self._parameters: IceParameters | None = None
        self._remotes: list[IceCandidate] = []
        self._relays: list[TurnServer] = []
        self._relays_to_answer = 0
        self._relay_answered = asyncio.Event()

    def use(self, options: WebRtcTransportOptions, ice_servers: Sequence[IceServerLike]) -> None:
        """Take the server's ICE parameters and candidates, and TURN servers; STUN servers are not asked."""
        self._parameters = options.ice_parameters
        self._remotes = usable_candidates(options)
        self._relays = turn_servers(ice_servers)
        self._relays_to_answer = len(self._relays)

    async def gather(self) -> None:
        """Open a socket on each address of this machine, before the server is known."""
        await self._open([])

    @property
    def local_parameters(self) -> IceParameters:
        """Our credentials, for a server that is told of them."""
        own = self._gatherer.getLocalParameters()
        assert own.usernameFragment is not None
        assert own.password is not None
        return IceParameters(username_fragment=own.usernameFragment, password=SecretStr(own.password))

    @property
    def local_candidates(self) -> tuple[IceCandidate, ...]:
        """Our addresses as far as they are known, relayed ones among them."""
        return tuple(_local_candidate(each) for each in self._gatherer.getLocalCandidates())

    @property
    def gathered(self) -> bool:
        """Whether no more of our addresses can come: each relay has given one, or none."""
        return not self._relays_to_answer

    async def relay_answered(self) -> None:
        """Wait until another relay has given an address, or none, since this was last asked."""
        await self._relay_answered.wait()
        self._relay_answered.clear()

    async def _open(self, remotes: Sequence[IceCandidate]) -> None:
        missing = [each for each in local_addresses(remotes) if each not in self._addresses]
        self._addresses += missing
        await aiortc_private.add_host_candidates(self._gatherer, missing)

    @property
    def remote_addresses(self) -> str:
        """Where the server was said to be, for messages."""
        return ", ".join(f"{c.host} port {c.port} ({c.protocol})" for c in self._remotes) or "nowhere"

    async def answers(self, timeout: float) -> bool:
        """Whether the server answers a question on the chosen path within `timeout` seconds. Ends nothing."""
        return await aiortc_private.answers(self._gatherer, timeout)

    async def connect(self) -> None:
        """Find a path: over UDP directly, or else over a relay or TCP.

        Raises:
            TransportFailed: there is none (code transport.ice_failed).
        """
        if not self._remotes:
            raise TransportFailed(
                "the media server names no address that can be reached: it must be an IP address",
                code="transport.ice_failed",
            )
        await self._open(self._remotes)
        for candidate in self._remotes:
            await self.transport.addRemoteCandidate(_candidate(candidate))
        async with asyncio.TaskGroup() as group:
            others = group.create_task(self._add_other_ways())
            await self._check()
            others.cancel()
        if self.transport.state != "completed":
            raise TransportFailed(
                f"no path to the media server at {self.remote_addresses}: its ICE checks failed",
                code="transport.ice_failed",
                hint="a firewall may block UDP and TCP to these ports",
            )
        pair = aiortc_private.selected_pair(self.transport)
        if pair is not None and (pair.local_type == "relay" or pair.transport == "tcp"):
            way = "a relay" if pair.local_type == "relay" else "TCP"
            logger.info("media goes over %s to %s port %d", way, *pair.remote)

    async def _check(self) -> None:
        assert self._parameters is not None, "the server's parameters come first"
        await self.transport.start(
            RTCIceParameters(
                usernameFragment=self._parameters.username_fragment,
                password=self._parameters.password.get_secret_value(),
                iceLite=self._parameters.ice_lite,
            )
        )

    async def _add_other_ways(self) -> None:
        """Add what relays and TCP give; only the end of candidates lets the checks fail."""
        relays = [self._add_relay(server) for server in self._relays]
        connections = [self._add_tcp(remote) for remote in self._remotes if remote.protocol == "tcp"]
        await asyncio.gather(*relays, *connections)
        await self.transport.addRemoteCandidate(None)

    async def _add_tcp(self, remote: IceCandidate) -> None:
        if any(candidate.protocol == "udp" for candidate in self._remotes):
            await asyncio.sleep(UDP_HEAD_START)
        try:
            async with asyncio.timeout(TCP_TIMEOUT):
                await aiortc_private.add_tcp_candidate(self._gatherer, (remote.host, remote.port))
        except OSError as error:
            logger.info("no TCP connection to %s port %d: %s", remote.host, remote.port, type(error).__name__)

    async def _add_relay(self, server: TurnServer) -> None:
        try:
            async with asyncio.timeout(RELAY_TIMEOUT):
                await aiortc_private.add_relayed_candidate(self._gatherer, server)
        except Exception as error:  # noqa: BLE001 - no fault of a relay may end the direct checks
            logger.info(
                "the TURN server %s port %d over %s gives no address: %s",
                server.host,
                server.port,
                server.transport,
                type(error).__name__,
            )
        finally:
            self._relays_to_answer -= 1
            self._relay_answered.set()

    async def close(self, timeout: float) -> None:
        """Close all sockets within `timeout` seconds, by force if need be."""
        try:
            async with asyncio.timeout(timeout):
                await self.transport.stop()
        except TimeoutError:
            logger.info("closing the path took too long; its sockets are cut off")
        finally:
            await aiortc_private.abort(self.transport)


def _candidate(candidate: IceCandidate) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=1,
        foundation=candidate.foundation,
        ip=candidate.host,
        port=candidate.port,
        priority=candidate.priority,
        protocol=candidate.protocol,
        type=candidate.type,
        tcpType=candidate.tcp_type,
    )


def _local_candidate(candidate: RTCIceCandidate) -> IceCandidate:
    return IceCandidate(
        foundation=candidate.foundation,
        priority=candidate.priority,
        address=candidate.ip,
        protocol="tcp" if candidate.protocol == "tcp" else "udp",
        port=candidate.port,
        type=candidate.type,
        tcp_type=candidate.tcpType,
    )
