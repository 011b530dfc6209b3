"""One join of one meeting, from token to leave. Used once."""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Protocol

import httpx

from edgemeet.encoded import Kind
from edgemeet.errors import EdgemeetError, SignalingLost
from edgemeet.provisioning import Admission
from edgemeet.rtc import IceServerLike
from edgemeet.signaling import (
    JoinOptions,
    Meeting,
    MeetingEvent,
    MessageReceived,
    MuteRequested,
    PreferredProtocol,
    UnmuteRequested,
    fetch_init_config,
)
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.device_health import SUBJECTS
from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.limits import DEFAULT_LIMITS
from edgemeet.supervisor.media_path import MediaPath
from edgemeet.supervisor.reasons import root_error
from edgemeet.supervisor.remains import MediaRemains
from edgemeet.supervisor.switch import Hand
from edgemeet.supervisor.views import Phase, ProducerView, SessionView, Timings, first_packet_at

logger = logging.getLogger(__name__)

# Media without an acknowledgement for so many seconds is asked after, and signaling too: reports on pictures
# come every second, stretched by up to a half.
DOUBT_AFTER = 1.5
# Seconds that an answer may take then.
ASK_TIMEOUT = 2.0
# Media that moved for so many seconds after a repair was repaired.
REPAIRED_AFTER = 30.0


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
    media_timeout: float = DEFAULT_LIMITS.media_timeout  # see `Limits`
    max_bitrate: int | None = None  # bits per second of all media together
    tls: ssl.SSLContext | None = None  # None is the usual trust


@dataclass
class _Progress:
    phase: Phase = Phase.ADMITTING
    entered_at: float = 0.0
    admission: Admission | None = None
    meeting: Meeting | None = None
    path: MediaPath | None = None
    ice_servers: tuple[IceServerLike, ...] = ()
    token_at: float | None = None
    joined_at: float | None = None
    repairing_since: float | None = None
    repaired_at: float | None = None
    repairs: int = 0
    network_changed_at: float | None = None
    stranded_since: float | None = None


class Admitter(Protocol):
    """Where tokens and meetings come from: what `edgemeet.provisioning.Provisioner` is to this room."""

    async def admit(self) -> Admission:
        """A fresh token and the meeting to join with it."""

    async def join_failed(self, error: BaseException) -> None:
        """The join with the last admission failed by `error`; its token or meeting may be the reason."""

    async def joined(self) -> None:
        """The join with the last admission worked."""


class Attendant(Protocol):
    """Answers participants: what `edgemeet.telemetry.remote_hands.RemoteHands` is to this room."""

    def message(self, topic: str, sender: str, text: str) -> None:
        """A message came; returns at once."""

    async def attend(self, meeting: Meeting) -> None:
        """Answer until cancelled. Raises SignalingLost when the meeting is over."""


class Session:
    """Joins a meeting, publishes the devices that are on, and stays until something ends it.

    Args:
        options: what stays the same from session to session.
        admitter: gets a fresh token and the meeting to join.
        client: for the REST call that tells where the meeting's server is.
        devices: the camera and the microphone; they outlive the session.
        attendant: answers participants, if anybody may ask.
        on_news: called when media is connected and produced, and when something happened that the
            supervisor should look at.
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
        attendant: Attendant | None = None,
        on_news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._options = options
        self._admitter = admitter
        self._client = client
        self._devices = devices
        self._attendant = attendant
        self._on_news = on_news
        self._clock = clock
        self._rng = rng or random.Random()
        self._began = clock()
        self._progress = _Progress(entered_at=self._began)
        self._first_media: float | None = None
        self._changed = asyncio.Event()
        self._doubt = asyncio.Event()
        self._remains: MediaRemains | None = None

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
                meeting = await self._join(cleanup)
                for device in self._devices:
                    cleanup.callback(device.listen(self._changed.set))
                await self._publish()
            except Exception as error:
                await self._admitter.join_failed(error)
                raise
            self._progress.joined_at = self._clock()
            self._enter(Phase.JOINED)
            self._on_news()
            try:
                await self._stay(meeting)
            except BaseExceptionGroup as ended:
                if isinstance(root_error(ended), SignalingLost):
                    self._leave_media_running()
                raise

    async def _join(self, cleanup: AsyncExitStack) -> Meeting:
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
        progress.ice_servers = init.ice_servers
        path = progress.path = self._new_path(meeting)
        cleanup.push_async_callback(self._close_media)
        await path.connect(options.connect_timeout)
        return meeting

    def _new_path(self, meeting: Meeting) -> MediaPath:
        return MediaPath(
            meeting,
            self._progress.ice_servers,
            cname=self._options.participant_id,
            max_bitrate=self._options.max_bitrate,
            clock=self._clock,
            rng=self._rng,
        )

    async def _stay(self, meeting: Meeting) -> None:
        """Publish what is switched on, and mend the media path when told, until the meeting ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(meeting.wait_closed())
            group.create_task(self._admitter.joined())
            group.create_task(self._ask_in_doubt(meeting))
            if self._attendant is not None:
                group.create_task(self._attendant.attend(meeting))
            watch = group.create_task(self._watch_transport())
            while True:
                await self._changed.wait()
                self._changed.clear()
                if self._progress.repairing_since is not None:
                    watch.cancel()
                    await self._make_path_anew(meeting)
                    watch = group.create_task(self._watch_transport())
                await self._publish()

    async def _publish(self) -> None:
        self._changed.clear()
        if self._progress.path is not None:
            await self._progress.path.publish(self._devices)

    async def _watch_transport(self) -> None:
        """Tell the supervisor as soon as the transport is gone; what is done about it is its affair."""
        if self._progress.path is not None:
            try:
                await self._progress.path.transport.wait_failed()
            except EdgemeetError as error:
                logger.debug("session: %s", error)
            self._on_news()

    async def _ask_in_doubt(self, meeting: Meeting) -> None:
        """Find out who still answers, as soon as media is late or the network changes."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(DOUBT_AFTER / 4):
                    await self._doubt.wait()
            path, doubt = self._progress.path, self._doubt.is_set()
            self._doubt.clear()
            if path is not None and (doubt or (path.unacknowledged() or 0.0) > DOUBT_AFTER):
                await asyncio.gather(meeting.probe(ASK_TIMEOUT), path.ask(ASK_TIMEOUT))

    async def _make_path_anew(self, meeting: Meeting) -> None:
        """A new transport and new producers on the same signaling; raises when that does not work."""
        progress = self._progress
        old = progress.path
        gone = [p.producer_id for p in old.publications.values()] if old is not None else []
        await self._close_media()
        for producer_id in gone:
            await meeting.close_producer(producer_id)
        await meeting.replace_transport()
        path = progress.path = self._new_path(meeting)
        await path.connect(self._options.connect_timeout)
        await self._publish()
        progress.repairing_since = None
        progress.repairs += 1
        progress.repaired_at = self._clock()
        self._on_news()

    def _leave_media_running(self) -> None:
        """Signaling is lost. Media that still gets through is left to go on: `take_remains`."""
        path, timeout = self._progress.path, self._options.media_timeout
        if path is not None and path.alive(timeout):
            self._progress.path = None
            self._remains = MediaRemains(path, timeout)

    # What the supervisor asks and tells

    def facts(self) -> SessionFacts:
        """See `RunsOnce`."""
        now, progress = self._clock(), self._progress
        path, meeting = progress.path, progress.meeting
        silence = path.unacknowledged() if path is not None else None
        if progress.repaired_at is not None and now - progress.repaired_at > REPAIRED_AFTER:
            progress.repairs, progress.repaired_at = 0, None
        return SessionFacts(
            joined=self.joined,
            age=now - self._began,
            attempt_age=0.0 if self.joined else now - self._began,
            step_age=now - progress.entered_at,
            unacknowledged=silence,
            unsent=path.unsent() if path is not None else 0.0,
            signaling_silent=meeting.silent_for if meeting is not None else 0.0,
            transport_lost=self.joined and path is not None and not path.transport.ready,
            stranded=self._stranded(now),
            repairing=_age(progress.repairing_since, now),
            repairs=progress.repairs,
            network_changed=_age(progress.network_changed_at, now),
        )

    def _stranded(self, now: float) -> float | None:
        progress = self._progress
        if not self.joined or progress.path is None or not progress.path.transport.stranded:
            progress.stranded_since = None
        elif progress.stranded_since is None:
            progress.stranded_since = now
            self._doubt.set()
        return _age(progress.stranded_since, now)

    def repair(self) -> None:
        """See `RunsOnce`."""
        if self._progress.repairing_since is None:
            self._progress.repairing_since = self._clock()
            self._changed.set()

    def network_changed(self) -> None:
        """See `RunsOnce`."""
        self._progress.network_changed_at = self._clock()
        self._doubt.set()

    def take_remains(self) -> MediaRemains | None:
        """See `RunsOnce`."""
        remains, self._remains = self._remains, None
        return remains

    def _on_event(self, event: MeetingEvent) -> None:
        match event:
            case MuteRequested(kind=kind):
                self._obey_host(kind, on=False)
            case UnmuteRequested(kind=kind):
                self._obey_host(kind, on=True)
            case MessageReceived(topic, sender, text) if self._attendant is not None:
                self._attendant.message(topic, sender, text)
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

    async def _close_media(self) -> None:
        path, self._progress.path = self._progress.path, None
        if path is not None:
            await path.close()

    async def _leave(self, meeting: Meeting) -> None:
        self._enter(Phase.LEAVING)
        await meeting.leave()

    def _enter(self, phase: Phase) -> None:
        self._progress.phase = phase
        self._progress.entered_at = self._clock()
        logger.debug("session: %s", phase)

    def view(self) -> SessionView:
        """The session as it is now."""
        progress = self._progress
        admission, meeting, path = progress.admission, progress.meeting, progress.path
        published = path.publications.values() if path else ()
        producers = tuple(ProducerView(id=p.producer_id, stats=p.stats()) for p in published)
        if self._first_media is None:
            self._first_media = first_packet_at(producers, self._clock())
        return SessionView(
            phase=progress.phase,
            meeting_id=admission.meeting_id if admission else None,
            name=admission.name if admission else None,
            token_expires_at=admission.token.expires_at if admission else None,
            peers=meeting.peers if meeting else (),
            producers=producers,
            transport=path.stats() if path else None,
            timings=Timings(
                began=self._began,
                token=progress.token_at,
                joined=progress.joined_at,
                first_media=self._first_media,
            ),
        )


def _age(since: float | None, now: float) -> float | None:
    return None if since is None else now - since
