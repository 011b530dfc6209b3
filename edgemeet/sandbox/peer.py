"""A participant: who it is, its socket, its transports and what runs over them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from edgemeet.ortc.parameters import RtpCapabilities
from edgemeet.sandbox.sfu.consumer import Consumer
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.transport import MediaTransport
from edgemeet.sandbox.silent import Ear
from edgemeet.sandbox.tokens import Claims


class Entry(StrEnum):
    """How far a participant is let in."""

    NOT_ASKED = "not asked"
    WAITING = "waiting"
    ALLOWED = "allowed"
    DENIED = "denied"


@dataclass(eq=False)
class Peer:
    """One participant on one websocket, or on one WHIP session.

    Attributes:
        connected_at: monotonic seconds.
    """

    id: str
    socket: Ear
    claims: Claims
    mode: str
    connected_at: float
    name: str = ""
    entry: Entry = Entry.NOT_ASKED
    joined: bool = False
    gone: bool = False
    auto_consume: bool = True
    capabilities: RtpCapabilities = field(default_factory=RtpCapabilities)
    device: JsonValue = None
    device_info: JsonValue = None
    meta_data: JsonValue = None
    transports: dict[str, MediaTransport] = field(default_factory=dict)
    producers: dict[str, Producer] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def receiving(self) -> MediaTransport | None:
        """The newest transport over which this participant receives."""
        found = [transport for transport in self.transports.values() if not transport.producing]
        return found[-1] if found else None

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` beside the socket; `stop_tasks` ends it."""
        if self.gone:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop_tasks(self) -> None:
        """End what `spawn` started."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def describe(self) -> dict[str, JsonValue]:
        """As other participants see it, in `join`'s peers and in `newPeer`."""
        return {
            "id": self.id,
            "displayName": self.name,
            "device": self.device,
            "deviceInfo": self.device_info,
            "mode": self.mode,
            "metaData": self.meta_data,
        }
