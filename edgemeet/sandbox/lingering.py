"""Participants whose websocket is lost and whose media stays for a while, as some servers have it."""

from __future__ import annotations

import time
from collections.abc import Callable

from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.refusal import LeaveReason
from edgemeet.sandbox.room import Room


class Lingering:
    """Keeps them until their time is up, or until somebody takes them out of the room.

    Args:
        seconds: for how long; 0 is not at all. May be set while the sandbox runs.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._kept: list[tuple[float, Room, Peer]] = []

    def keep(self, room: Room, peer: Peer) -> bool:
        """Let a participant linger; False where nobody does, and the caller has to take it out."""
        if self.seconds <= 0 or peer.gone:
            return False
        self._kept.append((self._clock() + self.seconds, room, peer))
        return True

    async def look(self) -> None:
        """Take those out whose time is up, and free what those hold who are out already."""
        now, kept = self._clock(), self._kept
        self._kept = [each for each in kept if each[0] > now and not each[2].gone]
        for each in kept:
            if each not in self._kept:
                await _end(each[1], each[2])

    async def close(self) -> None:
        """Take all of them out."""
        while self._kept:
            _, room, peer = self._kept.pop()
            await _end(room, peer)


async def _end(room: Room, peer: Peer) -> None:
    room.leave(peer, LeaveReason.DISCONNECTED)
    await room.release(peer)
