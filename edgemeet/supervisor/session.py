"""One join of one meeting, from token to leave. Used once."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import httpx

from edgemeet.errors import SignalingLost
from edgemeet.provisioning import Admission
from edgemeet.signaling import JoinOptions, Meeting, PreferredProtocol, fetch_init_config
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.doors import Admitter
from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.limits import DEFAULT_LIMITS
from edgemeet.supervisor.media_path import MediaPath
from edgemeet.supervisor.meeting_events import Attendant, MeetingEvents
from edgemeet.supervisor.reasons import root_error
from edgemeet.supervisor.remains import MediaRemains
from edgemeet.supervisor.renewable_path import RenewablePath
from edgemeet.supervisor.single_use import ASK_TIMEOUT, DOUBT_AFTER, SingleUse
from edgemeet.supervisor.views import Phase, ProducerView, SessionView

# Seconds: a server that has been asked in vain for so long is told of the end, and given so long to agree.
HASTY_GOODBYE: Final = 0.25


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
    tls: ssl.SSLContext | None = None  # None is `rest.trusting`


class Session(SingleUse):
    """Joins a meeting, publishes the devices that are on, and stays until something ends it.

    Args:
        options: what stays the same from session to session.
        admitter: gets a fresh token and the meeting to join.
        client: for the REST call that tells where the meeting's server is.
        devices, on_news, clock, rng: see `SingleUse`.
        attendant: answers participants, if anybody may ask.
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
        super().__init__(client, devices, on_news=on_news, clock=clock, rng=rng)
        self._options = options
        self._admitter = admitter
        self._attendant = attendant
        self._events = MeetingEvents(devices, allow_unmute=options.allow_remote_unmute, attendant=attendant)
        self._admission: Admission | None = None
        self._meeting: Meeting | None = None
        self._path: RenewablePath | None = None
        self._signaling_asked_at: float | None = None
        self._remains: MediaRemains | None = None

    async def run(self) -> None:
        """Join and stay. Leaves in order when cancelled.

        Raises:
            EdgemeetError: why the session ended; it never ends by itself without one.
        """
        async with AsyncExitStack() as cleanup:
            try:
                meeting, path = await self._join(cleanup)
                for device in self._devices:
                    cleanup.callback(device.listen(path.devices_changed))
                await path.publish()
            except Exception as error:
                await self._admitter.join_failed(error)
                raise
            self._note_joined()
            try:
                await self._stay(meeting, path)
            except BaseExceptionGroup as ended:
                if isinstance(root_error(ended), SignalingLost):
                    self._leave_media_running(path)
                raise

    async def _join(self, cleanup: AsyncExitStack) -> tuple[Meeting, RenewablePath]:
        options = self._options
        admission = self._admission = await self._admitter.admit()
        self._note_token()
        self._enter(Phase.ENTERING)
        init = await fetch_init_config(
            self._client,
            api_url=options.api_url,
            token=admission.token.reveal(),
            meeting_id=admission.meeting_id,
            timeout=options.request_timeout,
        )
        meeting = self._meeting = await Meeting.join(
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
            on_event=self._events.take,
            rng=self._rng,
            tls=options.tls,
            clock=self._clock,
        )
        cleanup.push_async_callback(self._leave, meeting)
        self._enter(Phase.CONNECTING)
        path = self._path = RenewablePath(
            meeting,
            self._devices,
            lambda: MediaPath(
                meeting,
                init.ice_servers,
                cname=options.participant_id,
                max_bitrate=options.max_bitrate,
                clock=self._clock,
                rng=self._rng,
            ),
            connect_timeout=options.connect_timeout,
            on_news=self._on_news,
            clock=self._clock,
        )
        cleanup.push_async_callback(path.close)
        await path.connect()
        return meeting, path

    async def _stay(self, meeting: Meeting, path: RenewablePath) -> None:
        """Publish what is switched on, and mend the media path when told, until the meeting ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(meeting.wait_closed())
            group.create_task(self._admitter.joined())
            group.create_task(self._ask_in_doubt(meeting, path))
            if self._attendant is not None:
                group.create_task(self._attendant.attend(meeting))
            group.create_task(path.keep())

    async def _ask_in_doubt(self, meeting: Meeting, path: RenewablePath) -> None:
        """Find out who still answers, as soon as media is late or the network changes."""
        while True:
            doubted, current = await self._doubted(), path.current
            if current is not None and (doubted or (current.unacknowledged() or 0.0) > DOUBT_AFTER):
                await asyncio.gather(self._ask_signaling(meeting), current.answers.ask(ASK_TIMEOUT))

    async def _ask_signaling(self, meeting: Meeting) -> None:
        if self._signaling_asked_at is None:
            self._signaling_asked_at = self._clock()
        if await meeting.probe(ASK_TIMEOUT):
            self._signaling_asked_at = None

    def _leave_media_running(self, path: RenewablePath) -> None:
        """Signaling is lost. Media that still gets through is left to go on: `take_remains`."""
        timeout = self._options.media_timeout
        handed = path.hand_over(timeout)
        if handed is not None:
            self._remains = MediaRemains(handed, timeout)

    async def _leave(self, meeting: Meeting) -> None:
        self._enter(Phase.LEAVING)
        unanswered = self._age(self._signaling_asked_at) or 0.0
        await meeting.leave(HASTY_GOODBYE if unanswered >= HASTY_GOODBYE else None)

    # What the supervisor asks and tells

    def facts(self) -> SessionFacts:
        """See `RunsOnce`."""
        now, path = self._clock(), self._path
        current = path.current if path is not None else None
        return SessionFacts(
            joined=self.joined,
            age=now - self._began,
            leaving=self._phase is Phase.LEAVING,
            attempt_age=0.0 if self.joined else now - self._began,
            step_age=now - self._entered_at,
            unacknowledged=current.unacknowledged() if current is not None else None,
            unanswered=current.answers.unanswered() if current is not None else None,
            unsent=current.unsent() if current is not None else 0.0,
            signaling_silent=self._meeting.silent_for if self._meeting is not None else 0.0,
            signaling_unanswered=self._age(self._signaling_asked_at),
            transport_lost=self.joined and path is not None and path.lost,
            stranded=self._stranded(path.transport if path is not None else None),
            repairing=path.repairing if path is not None else None,
            repairs=path.repairs if path is not None else 0,
            network_changed=self._age(self._network_changed_at),
        )

    def repair(self) -> None:
        """See `RunsOnce`."""
        if self._path is not None:
            self._path.repair()

    def take_remains(self) -> MediaRemains | None:
        """See `RunsOnce`."""
        remains, self._remains = self._remains, None
        return remains

    def view(self) -> SessionView:
        """The session as it is now."""
        admission, meeting = self._admission, self._meeting
        path = self._path.current if self._path is not None else None
        published = path.publications.values() if path is not None else ()
        producers = tuple(ProducerView(id=p.producer_id, stats=p.stats()) for p in published)
        return SessionView(
            phase=self._phase,
            meeting_id=admission.meeting_id if admission else None,
            name=admission.name if admission else None,
            token_expires_at=admission.token.expires_at if admission else None,
            peers=meeting.peers if meeting else (),
            producers=producers,
            transport=path.stats() if path is not None else None,
            timings=self._timings(producers),
        )
