"""One join of one meeting, from token to leave. Used once."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from edgemeet.encoded import Kind
from edgemeet.errors import MediaStalled
from edgemeet.provisioning import Admission
from edgemeet.rtc import SendTransport
from edgemeet.signaling import (
    JoinOptions,
    Meeting,
    MeetingEvent,
    MuteRequested,
    PreferredProtocol,
    UnmuteRequested,
    fetch_init_config,
)
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.device_health import SUBJECTS
from edgemeet.supervisor.publication import Publication
from edgemeet.supervisor.switch import Hand
from edgemeet.supervisor.views import Phase, ProducerView, SessionView, Timings

logger = logging.getLogger(__name__)

# aiortc's consent checks notice a dead path after about 30 s; receiver reports come every second or so.
STALL_AFTER = 8.0


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What stays the same from session to session."""

    participant_id: str
    api_url: str
    request_timeout: float
    preferred_protocol: PreferredProtocol
    entry_timeout: float
    debug_mode: bool = False
    allow_remote_unmute: bool = False
    connect_timeout: float = 10.0
    max_bitrate: int | None = None  # bits per second of all media together
    tls: ssl.SSLContext | None = None  # None is the usual trust


@dataclass
class _Progress:
    phase: Phase = Phase.ADMITTING
    admission: Admission | None = None
    meeting: Meeting | None = None
    transport: SendTransport | None = None
    token_at: float | None = None
    joined_at: float | None = None
    publications: dict[str, Publication] = field(default_factory=dict)


class Admitter(Protocol):
    """Where tokens and meetings come from: what `edgemeet.provisioning.Provisioner` is to this room."""

    async def admit(self) -> Admission:
        """A fresh token and the meeting to join with it."""

    def join_failed(self) -> None:
        """The join with the last admission failed; its token may be the reason."""


class Session:
    """Joins a meeting, publishes the devices that are on, and stays until something ends it.

    Args:
        options: what stays the same from session to session.
        admitter: gets a fresh token and the meeting to join.
        client: for the REST call that tells where the meeting's server is.
        devices: the camera and the microphone; they outlive the session.
        on_joined: called once, when media is connected and produced.
        clock: seconds, monotonic.
        rng: for SSRCs and request ids.
    """

    def __init__(
        self,
        options: SessionOptions,
        admitter: Admitter,
        client: httpx.AsyncClient,
        devices: tuple[Device, ...],
        *,
        on_joined: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._options = options
        self._admitter = admitter
        self._client = client
        self._devices = devices
        self._on_joined = on_joined
        self._clock = clock
        self._rng = rng or random.Random()
        self._began = clock()
        self._progress = _Progress()
        self._first_media: float | None = None
        self._changed = asyncio.Event()

    @property
    def joined(self) -> bool:
        """True while the participant is in the meeting and its media is connected."""
        return self._progress.phase is Phase.JOINED

    async def run(self) -> None:
        """Join and stay. Leaves in order when cancelled.

        Raises:
            EdgemeetError: why the session ended; it never ends by itself without one.
        """
        async with AsyncExitStack() as cleanup:
            try:
                meeting, transport = await self._join(cleanup)
                for device in self._devices:
                    cleanup.callback(device.listen(self._changed.set))
                await self._publish_changes(meeting, transport)
            except Exception:
                self._admitter.join_failed()
                raise
            self._progress.joined_at = self._clock()
            self._enter(Phase.JOINED)
            self._on_joined()
            await self._stay(meeting, transport)

    async def _join(self, cleanup: AsyncExitStack) -> tuple[Meeting, SendTransport]:
        options, progress = self._options, self._progress
        admission = progress.admission = await self._admitter.admit()
        progress.token_at = self._clock()
        self._enter(Phase.ENTERING)
        init = await fetch_init_config(
            self._client,
            api_url=options.api_url,
            token=admission.token.reveal(),
            meeting_id=admission.meeting_id,
            timeout=options.request_timeout,
        )
        meeting = progress.meeting = await Meeting.join(
            init,
            JoinOptions(
                meeting_id=admission.meeting_id,
                participant_id=options.participant_id,
                name=admission.name,
                token=admission.token.reveal(),
                preferred_protocol=options.preferred_protocol,
                entry_timeout=options.entry_timeout,
                metadata=admission.metadata,
                debug_mode=options.debug_mode,
            ),
            on_event=self._on_event,
            rng=self._rng,
            tls=options.tls,
            clock=self._clock,
        )
        cleanup.push_async_callback(self._leave, meeting)
        self._enter(Phase.CONNECTING)
        transport = progress.transport = SendTransport(
            meeting.transport,
            ice_servers=init.ice_servers,
            clock=self._clock,
            max_bitrate=options.max_bitrate,
        )
        cleanup.push_async_callback(transport.close)
        cleanup.push_async_callback(self._close_publications)
        async with asyncio.TaskGroup() as group:
            signaled = group.create_task(meeting.connect_transport(transport.dtls_parameters))
            group.create_task(transport.connect(timeout=options.connect_timeout, signaled=signaled))
        return meeting, transport

    async def _stay(self, meeting: Meeting, transport: SendTransport) -> None:
        """Publish what is switched on, until the first of the watchers raises."""
        async with asyncio.TaskGroup() as group:
            group.create_task(meeting.wait_closed())
            group.create_task(transport.wait_failed())
            group.create_task(self._watch_progress())
            while True:
                await self._changed.wait()
                await self._publish_changes(meeting, transport)

    async def _publish_changes(self, meeting: Meeting, transport: SendTransport) -> None:
        self._changed.clear()
        for device in self._devices:
            publication = self._progress.publications.get(device.kind)
            if publication is not None and not publication.wanted:
                del self._progress.publications[device.kind]
                await publication.close()
                await meeting.close_producer(publication.producer_id)
                publication = None
            if device.published and publication is None:
                self._progress.publications[device.kind] = await Publication.open(
                    meeting,
                    transport,
                    device,
                    cname=self._options.participant_id,
                    rng=self._rng,
                    clock=self._clock,
                )

    async def _watch_progress(self) -> None:
        """Raises MediaStalled when packets leave and nobody acknowledges them."""
        while True:
            await asyncio.sleep(1.0)
            ages = [
                age
                for publication in self._progress.publications.values()
                for encoding in publication.stats().encodings
                # Before the first report comes, what counts is how long one has been due.
                if (age := encoding.last_report_age or encoding.first_packet_age) is not None
            ]
            if ages and min(ages) > STALL_AFTER:
                raise MediaStalled(f"the server has acknowledged no media for {min(ages):.0f} s")

    def _on_event(self, event: MeetingEvent) -> None:
        match event:
            case MuteRequested(kind=kind):
                self._obey_host(kind, on=False)
            case UnmuteRequested(kind=kind):
                self._obey_host(kind, on=True)
            case _:
                pass

    def _obey_host(self, kind: Kind, *, on: bool) -> None:
        thing, word = SUBJECTS[kind], "on" if on else "off"
        if on and not self._options.allow_remote_unmute:
            logger.info("a host asked to turn the %s on; meeting.allow_remote_unmute is false", thing)
            return
        for device in self._devices:
            if device.kind != kind:
                continue
            if device.switch(on=on, by=Hand.HOST):
                logger.info("a host turned the %s %s", thing, word)
            else:
                logger.info("a host asked to turn the %s on, which an operator turned off", thing)

    async def _close_publications(self) -> None:
        while self._progress.publications:
            _, publication = self._progress.publications.popitem()
            await publication.close()

    async def _leave(self, meeting: Meeting) -> None:
        self._enter(Phase.LEAVING)
        await meeting.leave()

    def _enter(self, phase: Phase) -> None:
        self._progress.phase = phase
        logger.debug("session: %s", phase)

    def view(self) -> SessionView:
        """The session as it is now."""
        progress = self._progress
        admission, meeting, transport = progress.admission, progress.meeting, progress.transport
        producers = tuple(
            ProducerView(id=p.producer_id, stats=p.stats()) for p in progress.publications.values()
        )
        if self._first_media is None:
            self._first_media = self._first_packet_at(producers)
        return SessionView(
            phase=progress.phase,
            meeting_id=admission.meeting_id if admission else None,
            name=admission.name if admission else None,
            token_expires_at=admission.token.expires_at if admission else None,
            peers=meeting.peers if meeting else (),
            producers=producers,
            transport=transport.stats() if transport else None,
            timings=Timings(
                began=self._began,
                token=progress.token_at,
                joined=progress.joined_at,
                first_media=self._first_media,
            ),
        )

    def _first_packet_at(self, producers: tuple[ProducerView, ...]) -> float | None:
        ages = [
            encoding.first_packet_age
            for producer in producers
            for encoding in producer.stats.encodings
            if encoding.first_packet_age is not None
        ]
        return self._clock() - max(ages) if ages else None
