"""The handle on a sandbox: its rooms, and what tests can do to it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from aiortc.rtcdtlstransport import RTCCertificate

from edgemeet.sandbox.lingering import Lingering
from edgemeet.sandbox.options import SandboxOptions, media_hosts
from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.refusal import LeaveReason
from edgemeet.sandbox.registry import RoomRegistry
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.session import Sessions
from edgemeet.sandbox.sfu.router import Addresses, Router
from edgemeet.sandbox.sfu.transport import Faults
from edgemeet.sandbox.tokens import TokenIssuer

_log = logging.getLogger(__name__)

_TICK: Final = 0.05  # seconds between two looks at what is missing
_SPEAKER_TICKS: Final = 6
_REPORT_TICKS: Final = 20  # one second


class Sandbox:
    """All the state of one sandbox, without its sockets.

    The methods below `run` are for tests: faults on command.

    Args:
        clock: monotonic seconds.
        wall_clock: seconds since 1970, for tokens and records.
    """

    def __init__(
        self,
        options: SandboxOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.clock = clock
        self.faults = Faults()
        self.max_bitrate = options.max_bitrate
        self.native_shut = False
        self.started = clock()
        self.issuer = TokenIssuer(
            options.api_key, options.api_secret, ttl=options.token_ttl, wall_clock=wall_clock
        )
        self._certificate = RTCCertificate.generateCertificate()
        self._addresses = Addresses(media_hosts(options.host), options.announced_addresses)
        self._wall_clock = wall_clock
        self.rooms = RoomRegistry(self._make_room, fixed=options.rooms)
        self.lingering = Lingering(options.linger, clock)
        self.sessions = Sessions(
            self.rooms, self.issuer, max_peers=options.max_peers, lingering=self.lingering
        )
        self._connections: Callable[[], Iterable[asyncio.Transport]] = tuple

    def _make_room(self, room_id: str, custom_id: str | None) -> Room:
        router = Router(
            certificate=self._certificate,
            addresses=self._addresses,
            faults=self.faults,
            max_bitrate=lambda: self.max_bitrate,
            clock=self.clock,
        )
        return Room(room_id, custom_id, router, clock=self.clock, wall_clock=self._wall_clock)

    def use_connections(self, connections: Callable[[], Iterable[asyncio.Transport]]) -> None:
        """Tell where the websockets' TCP connections are found, for `kill_sockets`."""
        self._connections = connections

    async def run(self) -> None:
        """Send reports and requests until cancelled."""
        try:
            await self._keep_house()
        finally:
            await self.lingering.close()

    async def _keep_house(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(_TICK)
            ticks += 1
            now = self.clock()
            await self.lingering.look()
            for room in self.rooms:
                if not room.peers:
                    continue
                room.router.tick(now)
                if ticks % _SPEAKER_TICKS == 0:
                    room.tell_speaker(now)
                if ticks % _REPORT_TICKS == 0:
                    room.router.report(now)
                    room.tell_scores(now)

    def room(self, room_id: str) -> Room:
        """The room with this id or custom id.

        Raises:
            KeyError: there is none.
        """
        found = self.rooms.find(room_id)
        if found is None:
            raise KeyError(room_id)
        return found

    def peer(self, room_id: str, peer_id: str) -> Peer:
        """A participant.

        Raises:
            KeyError: there is no such room or participant.
        """
        return self.room(room_id).peers[peer_id]

    def kill_sockets(self) -> int:
        """Reset the TCP connection of every websocket, without a goodbye; returns how many there were."""
        connections = list(self._connections())
        for connection in connections:
            connection.abort()
        return len(connections)

    def stop_media(self, seconds: float) -> None:
        """Lose every datagram, connectivity checks included, for so long."""
        self.faults.dark_until = self.clock() + seconds

    def drop_media(self, *, inbound: float = 0.0, outbound: float = 0.0) -> None:
        """From now on lose these shares of RTP packets, 0 to 1."""
        self.faults.drop_inbound, self.faults.drop_outbound = inbound, outbound

    def deny_next(self, room_id: str, count: int = 1) -> None:
        """Deny the next so many requests for entry."""
        self.room(room_id).deny_next = count

    def close_room(self, room_id: str) -> None:
        """End a meeting for everybody."""
        self.room(room_id).close()

    def disable_room(self, room_id: str, *, disabled: bool = True) -> None:
        """Refuse whoever wants to join from now on, with 4052."""
        self.room(room_id).disabled = disabled

    def shut_native(self, *, shut: bool = True) -> None:
        """Answer 404 to whoever asks for the way to the native signaling from now on; WHIP stays open."""
        self.native_shut = shut

    def remove_peer(self, room_id: str, peer_id: str) -> None:
        """Take a participant out, as the API would."""
        self.room(room_id).leave(self.peer(room_id, peer_id), LeaveReason.REMOVED_BY_API)

    def request_keyframe(self, room_id: str, peer_id: str) -> None:
        """Ask a participant for a keyframe of each encoding it sends."""
        for producer in self.peer(room_id, peer_id).producers.values():
            for encoding in producer.encodings:
                encoding.want_keyframe()
