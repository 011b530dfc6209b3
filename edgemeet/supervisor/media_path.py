"""The way of the media of one session: a transport and the producers on it, and whether they get through."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from edgemeet.rtc import IceServerLike, Progress, SendTransport, TransportStats
from edgemeet.signaling import Meeting
from edgemeet.supervisor.answers import Answers, report_age, unacknowledged
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.flow import Flow, FlowWatch
from edgemeet.supervisor.publication import Publication


class MediaPath:
    """A transport and the producers on it. Made when the meeting is joined, ended by `close`.

    Args:
        meeting: where producers are announced.
        ice_servers: relays.
        cname: the participant's name in RTCP.
        max_bitrate: bits per second of all media together.
        clock: seconds, monotonic.
        rng: for SSRCs.
    """

    def __init__(
        self,
        meeting: Meeting,
        ice_servers: tuple[IceServerLike, ...],
        *,
        cname: str,
        max_bitrate: int | None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random,
    ) -> None:
        self._meeting = meeting
        self._cname = cname
        self._clock = clock
        self._rng = rng
        self.transport = SendTransport(
            meeting.transport, ice_servers=ice_servers, clock=clock, max_bitrate=max_bitrate
        )
        self.publications: dict[str, Publication] = {}
        self._flows: dict[str, FlowWatch] = {}
        self.answers = Answers(self.transport, clock)

    async def connect(self, timeout: float) -> None:
        """Connect the transport. Raises TransportFailed, or what the server answers."""
        signaled = asyncio.ensure_future(self._meeting.connect_transport(self.transport.dtls_parameters))
        try:
            await self.transport.connect(timeout=timeout, signaled=signaled)
            await signaled
        finally:
            signaled.cancel()
            await asyncio.gather(signaled, return_exceptions=True)

    async def publish(self, devices: tuple[Device, ...]) -> None:
        """Produce what is switched on, and take away what is not."""
        for device in devices:
            publication = self.publications.get(device.kind)
            if publication is not None and not publication.wanted:
                del self.publications[device.kind]
                await publication.close()
                await self._meeting.close_producer(publication.producer_id)
                publication = None
            if device.published and publication is None:
                self.publications[device.kind] = await Publication.open(
                    self._meeting,
                    self.transport,
                    device,
                    cname=self._cname,
                    rng=self._rng,
                    clock=self._clock,
                )

    def unacknowledged(self) -> float | None:
        """For how many seconds packets have left that nobody acknowledged; None where none are due."""
        return unacknowledged(
            report_age(each for producer in self.publications.values() for each in producer.progress()),
            answered_ago=self.answers.answered_ago(),
            sound_only="video" not in self.publications,
        )

    def unsent(self) -> float:
        """For how many seconds frames of a device have come of which no packet left."""
        now, longest = self._clock(), 0.0
        for kind, publication in self.publications.items():
            watch = self._flows.setdefault(kind, FlowWatch())
            longest = max(longest, watch.look(_flow(publication.device, publication.progress()), now))
        return longest

    def alive(self, timeout: float) -> bool:
        """Whether the transport is up and media was acknowledged within `timeout` seconds."""
        silence = self.unacknowledged()
        return self.transport.ready and silence is not None and silence <= timeout

    def stats(self) -> TransportStats:
        """Of the transport."""
        return self.transport.stats()

    async def close(self) -> None:
        """End the producers and the transport, within a few seconds."""
        await self.answers.close()
        while self.publications:
            _, publication = self.publications.popitem()
            await publication.close()
        await self.transport.close()


def _flow(device: Device, progress: tuple[Progress, ...]) -> Flow:
    capture = device.status()
    return Flow(
        frames=capture.frames if capture else 0,
        packets=sum(encoding.packets_sent for encoding in progress),
        flowing=capture is not None
        and capture.state == "running"
        and any(encoding.active for encoding in progress),
    )
