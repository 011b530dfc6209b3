"""The way of the media of one session: a transport and the producers on it, and whether they get through."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable

from edgemeet.rtc import EncodingStats, IceServerLike, SenderStats, SendTransport, TransportStats
from edgemeet.signaling import Meeting
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.flow import Flow, FlowWatch
from edgemeet.supervisor.publication import Publication

# Seconds that a media server lets pass between two reports on sound, when there are no pictures: mediasoup's
# MaxAudioIntervalMs of 5 s, stretched by up to a half (RFC 3550, 6.3.1).
AUDIO_REPORT_INTERVAL = 7.5


def unacknowledged(
    encodings: Iterable[EncodingStats], *, answered_ago: float | None, sound_only: bool
) -> float | None:
    """For how many seconds packets have left that nobody acknowledged. Pure.

    Args:
        encodings: of all producers.
        answered_ago: seconds since the path's other end answered a question, if it did.
        sound_only: there are no pictures, and reports come seldom: until one is due, an answer is as good.

    Returns:
        None where nothing is to be acknowledged.
    """
    ages = [
        age
        for encoding in encodings
        # Before the first report comes, what counts is how long one has been due.
        if (age := encoding.last_report_age or encoding.first_packet_age) is not None
    ]
    if not ages:
        return None
    age = min(ages)
    if sound_only and answered_ago is not None and age <= AUDIO_REPORT_INTERVAL:
        return min(age, answered_ago)
    return age


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
        self._answered_at: float | None = None
        self._asked_at: float | None = None
        self._asking: asyncio.Task[bool] | None = None

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

    async def ask(self, timeout: float) -> None:
        """Ask the path's other end for a sign of life, and remember whether one came."""
        if self._asked_at is None:
            self._asked_at = self._clock()
        asking = self._asking = asyncio.create_task(self.transport.answers(timeout))
        try:
            await asyncio.wait([asking])
        finally:
            asking.cancel()
        if not asking.cancelled() and asking.result():
            self._answered_at, self._asked_at = self._clock(), None

    def unanswered(self) -> float | None:
        """For how many seconds the other end has been asked without an answer; None where it answered."""
        return None if self._asked_at is None else self._clock() - self._asked_at

    def unacknowledged(self) -> float | None:
        """For how many seconds packets have left that nobody acknowledged; None where none are due."""
        stats = [publication.stats() for publication in self.publications.values()]
        return unacknowledged(
            (encoding for producer in stats for encoding in producer.encodings),
            answered_ago=None if self._answered_at is None else self._clock() - self._answered_at,
            sound_only=all(producer.kind == "audio" for producer in stats),
        )

    def unsent(self) -> float:
        """For how many seconds frames of a device have come of which no packet left."""
        now, longest = self._clock(), 0.0
        for kind, publication in self.publications.items():
            watch = self._flows.setdefault(kind, FlowWatch())
            longest = max(longest, watch.look(_flow(publication.device, publication.stats()), now))
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
        if self._asking is not None:
            # A question that is repeated on a transport that is gone is an error of aioice's.
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        while self.publications:
            _, publication = self.publications.popitem()
            await publication.close()
        await self.transport.close()


def _flow(device: Device, stats: SenderStats) -> Flow:
    capture = device.status()
    return Flow(
        frames=capture.frames if capture else 0,
        packets=sum(encoding.packets_sent for encoding in stats.encodings),
        flowing=capture is not None
        and capture.state == "running"
        and any(encoding.active for encoding in stats.encodings),
    )
