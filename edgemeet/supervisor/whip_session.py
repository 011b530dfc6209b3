"""One stay at a WHIP server, from token to DELETE. Used once."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import httpx

from edgemeet.errors import EdgemeetError
from edgemeet.ortc.sdp import Answer, LocalSide, Media, Offer, make_offer, read_answer
from edgemeet.ortc.sdp.local import candidate_fragment
from edgemeet.rtc import SendTransport
from edgemeet.signaling.whip import WhipResource
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.doors import WhipAdmission, WhipDoor
from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.media_path import AUDIO_REPORT_INTERVAL
from edgemeet.supervisor.session import ASK_TIMEOUT, DOUBT_AFTER
from edgemeet.supervisor.views import Phase, ProducerView, SessionView, Timings, first_packet_at
from edgemeet.supervisor.whip_publication import WhipPublication

logger = logging.getLogger(__name__)

# Two offers are never closer, however often the devices are switched.
OFFER_INTERVAL: Final = 1.0
DELETE_HEAD_START: Final = 0.5  # seconds before the transport is closed all the same
_TRICKLE_INTERVAL: Final = 0.1  # seconds between two looks for relayed addresses, while connecting


@dataclass(frozen=True, slots=True)
class WhipOptions:
    """What stays the same from session to session. Times are seconds."""

    participant_id: str
    request_timeout: float
    connect_timeout: float = 10.0
    max_bitrate: int | None = None  # bits per second of all media together


@dataclass
class _Progress:
    phase: Phase = Phase.ADMITTING
    admission: WhipAdmission | None = None
    transport: SendTransport | None = None
    token_at: float | None = None
    joined_at: float | None = None
    entered_at: float = 0.0
    offered_at: float = 0.0
    answered_at: float | None = None
    network_changed_at: float | None = None
    stranded_since: float | None = None
    publications: dict[str, WhipPublication] = field(default_factory=dict)


class WhipSession:
    """Offers the devices that are on, publishes them as the answer takes them, and stays.

    What was agreed cannot be changed over WHIP. A device that is turned off sends nothing and keeps its
    place. Where one is wanted that was not offered, or by another plan, the resource is given back and
    another one is made, within this session.

    Args:
        options: what stays the same from session to session.
        door: where to publish, with a fresh token.
        client: see `rest.new_client`.
        devices: the camera and the microphone; they outlive the session.
        on_news: called when media is connected, and when something happened that the supervisor should
            look at.
        clock: seconds, monotonic.
        rng: for SSRCs.
    """

    def __init__(
        self,
        options: WhipOptions,
        door: WhipDoor,
        client: httpx.AsyncClient,
        devices: tuple[Device, ...],
        *,
        on_news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._options = options
        self._door = door
        self._client = client
        self._devices = devices
        self._on_news = on_news
        self._clock = clock
        self._rng = rng or random.Random()
        self._began = clock()
        self._progress = _Progress(entered_at=self._began, offered_at=self._began)
        self._first_media: float | None = None
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None

    @property
    def joined(self) -> bool:
        """True while the server has the media."""
        return self._progress.phase is Phase.JOINED

    async def run(self) -> None:
        """Publish and stay. Gives the resource back in order when cancelled.

        Raises:
            EdgemeetError: why the session ended; it never ends by itself without one.
        """
        async with AsyncExitStack() as listening:
            for device in self._devices:
                listening.callback(device.listen(self._changed.set))
            while True:
                self._progress.offered_at = self._clock()
                async with AsyncExitStack() as cleanup:
                    transport = await self._join(cleanup)
                    await self._stay(transport)
                logger.info("the devices have changed: another offer is made")
                self._enter(Phase.ADMITTING)
                await asyncio.sleep(max(0.0, self._progress.offered_at + OFFER_INTERVAL - self._clock()))

    async def _join(self, cleanup: AsyncExitStack) -> SendTransport:
        progress = self._progress
        try:
            admission = progress.admission = await self._door.admit()
            progress.token_at = self._clock()
            transport = await self._connect(admission, cleanup)
        except EdgemeetError as error:
            await self._door.failed(error)
            raise
        progress.joined_at = self._clock()
        self._enter(Phase.JOINED)
        self._on_news()
        await self._door.joined()
        return transport

    async def _connect(self, admission: WhipAdmission, cleanup: AsyncExitStack) -> SendTransport:
        """Offer, read the answer, find a path, and begin to send."""
        options, progress = self._options, self._progress
        self._enter(Phase.ENTERING)
        self._changed.clear()
        transport = progress.transport = SendTransport(
            None, clock=self._clock, max_bitrate=options.max_bitrate
        )
        cleanup.push_async_callback(self._leave, transport)
        await transport.gather()
        offered = self._offered_devices()
        offer = self._offer(transport, offered, lowest_first=admission.target.lowest_first)
        resource = await WhipResource.open(
            self._client, admission.target, offer.sdp, timeout=options.request_timeout
        )
        cleanup.push_async_callback(self._give_back, resource)
        answer = read_answer(resource.answer, offer)
        transport.use(answer.transport, resource.ice_servers)
        self._enter(Phase.CONNECTING)
        trickling = asyncio.create_task(self._trickle(transport, resource, offer))
        try:
            await transport.connect(timeout=options.connect_timeout)
        finally:
            trickling.cancel()
            await asyncio.gather(trickling, return_exceptions=True)
        self._publish(transport, offered, answer)
        return transport

    def _offered_devices(self) -> tuple[Device, ...]:
        """Those that are on; some servers wait for each track they were offered. All where none is on."""
        return tuple(device for device in self._devices if device.published) or self._devices

    def _offer(self, transport: SendTransport, devices: tuple[Device, ...], *, lowest_first: bool) -> Offer:
        media = [
            Media(
                device.kind,
                encodings=device.encodings,
                codec=device.codec,
                bitrate=device.bitrate,
            )
            for device in devices
        ]
        side = LocalSide(transport.ice_parameters, transport.ice_candidates, transport.dtls_parameters)
        return make_offer(
            media,
            side,
            cname=self._options.participant_id,
            random=self._rng,
            lowest_first=lowest_first,
        )

    def _publish(self, transport: SendTransport, devices: tuple[Device, ...], answer: Answer) -> None:
        for device, accepted in zip(devices, answer.accepted, strict=True):
            if len(accepted.layers) < len(device.encodings):
                logger.info(
                    "the server takes %d of the %d layers offered",
                    len(accepted.layers),
                    len(device.encodings),
                )
            self._progress.publications[device.kind] = WhipPublication.open(
                transport,
                device,
                accepted,
                cname=self._options.participant_id,
                rng=self._rng,
                clock=self._clock,
            )

    async def _trickle(self, transport: SendTransport, resource: WhipResource, offer: Offer) -> None:
        """Tell relayed addresses as they come; the answer named the relays, so the offer could not."""
        told = set(transport.ice_candidates)
        while resource.trickles and resource.ice_servers:
            await asyncio.sleep(_TRICKLE_INTERVAL)
            known = transport.ice_candidates
            new = [each for each in known if each not in told and each.type == "relay"]
            told.update(new)
            if new:
                fragment = candidate_fragment(transport.ice_parameters, offer.sections[0].mid, new)
                await resource.trickle(fragment, timeout=self._options.request_timeout)

    async def _stay(self, transport: SendTransport) -> None:
        """Returns when another offer is needed; raises when the session is over."""
        tasks = [
            asyncio.create_task(work)
            for work in (transport.wait_failed(), self._ask_in_doubt(transport), self._until_offer_is_stale())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _until_offer_is_stale(self) -> None:
        while True:
            publications = self._progress.publications
            for publication in publications.values():
                publication.turned()
            missing = any(device.published and device.kind not in publications for device in self._devices)
            if missing or not all(publication.current for publication in publications.values()):
                return
            await self._changed.wait()
            self._changed.clear()

    async def _ask_in_doubt(self, transport: SendTransport) -> None:
        """Find out whether the path still answers, as soon as media is acknowledged late."""
        while True:
            await asyncio.sleep(DOUBT_AFTER / 4)
            if (self._silence() or 0.0) > DOUBT_AFTER and await transport.answers(ASK_TIMEOUT):
                self._progress.answered_at = self._clock()

    def _silence(self) -> float | None:
        """For how many seconds packets have left that nobody acknowledged; None where none are due."""
        publications = self._progress.publications
        silences = [publication.unacknowledged() for publication in publications.values()]
        silence = min((silence for silence in silences if silence is not None), default=None)
        answered = self._progress.answered_at
        if silence is None or answered is None or "video" in publications:
            return silence
        return min(silence, self._clock() - answered) if silence <= AUDIO_REPORT_INTERVAL else silence

    # What the supervisor asks and tells

    def facts(self) -> SessionFacts:
        """See `RunsOnce`. Nothing less than the session can be repaired: a silent path is given up."""
        now, changed = self._clock(), self._progress.network_changed_at
        return SessionFacts(
            joined=self.joined,
            age=now - self._began,
            attempt_age=0.0 if self.joined else now - self._progress.offered_at,
            step_age=now - self._progress.entered_at,
            unacknowledged=self._silence(),
            stranded=self._stranded(now),
            repairs=1,
            network_changed=None if changed is None else now - changed,
        )

    def _stranded(self, now: float) -> float | None:
        progress = self._progress
        if not self.joined or progress.transport is None or not progress.transport.stranded:
            progress.stranded_since = None
        elif progress.stranded_since is None:
            progress.stranded_since = now
        return None if progress.stranded_since is None else now - progress.stranded_since

    def repair(self) -> None:
        """See `RunsOnce`. Nothing less than another session can be made over WHIP."""

    def network_changed(self) -> None:
        """See `RunsOnce`."""
        self._progress.network_changed_at = self._clock()

    def take_remains(self) -> None:
        """See `RunsOnce`. There is no signaling that could be lost before the media."""

    async def _give_back(self, resource: WhipResource) -> None:
        """DELETE goes first: a server that is told does not guess. Media does not wait for a dead one."""
        self._enter(Phase.LEAVING)
        self._ending = asyncio.create_task(resource.close())
        await asyncio.wait([self._ending], timeout=DELETE_HEAD_START)

    async def _leave(self, transport: SendTransport) -> None:
        while self._progress.publications:
            _, publication = self._progress.publications.popitem()
            await publication.close()
        try:
            await transport.close()
        finally:
            if self._ending is not None:
                await asyncio.wait([self._ending])
                self._ending = None

    def _enter(self, phase: Phase) -> None:
        self._progress.phase = phase
        self._progress.entered_at = self._clock()
        logger.debug("WHIP session: %s", phase)

    def view(self) -> SessionView:
        """The session as it is now."""
        progress = self._progress
        admission, transport = progress.admission, progress.transport
        producers = tuple(ProducerView(id=p.kind, stats=p.stats()) for p in progress.publications.values())
        if self._first_media is None:
            self._first_media = first_packet_at(producers, self._clock())
        return SessionView(
            phase=progress.phase,
            meeting_id=admission.meeting_id if admission else None,
            name=admission.name if admission else None,
            token_expires_at=admission.token_expires_at if admission else None,
            peers=(),
            producers=producers,
            transport=transport.stats() if transport else None,
            timings=Timings(
                began=self._began,
                token=progress.token_at,
                joined=progress.joined_at,
                first_media=self._first_media,
            ),
            protocol="whip",
        )
