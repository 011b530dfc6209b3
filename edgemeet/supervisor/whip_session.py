"""One stay at a WHIP server, from token to DELETE. Used once."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

import httpx

from edgemeet.errors import EdgemeetError
from edgemeet.signaling.whip import WhipResource
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.doors import WhipAdmission, WhipDoor
from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.repairs import Repairs
from edgemeet.supervisor.single_use import ASK_TIMEOUT, DOUBT_AFTER, SingleUse
from edgemeet.supervisor.views import Phase, ProducerView, SessionView
from edgemeet.supervisor.whip_path import WhipOptions, WhipPath

logger = logging.getLogger(__name__)

# Two offers are never closer, however often the devices are switched.
OFFER_INTERVAL: Final = 1.0
DELETE_HEAD_START: Final = 0.5  # seconds before the transport is closed all the same


class WhipSession(SingleUse):
    """Offers the devices that are on, publishes them as the answer takes them, and stays.

    What was agreed cannot be changed over WHIP. A device that is turned off sends nothing and keeps its
    place. Where one is wanted that was not offered, or by another plan, or where media does not get
    through to a server that answers, the resource is given back and another one is made, within this session.

    Args:
        options: what stays the same from session to session.
        door: where to publish, with a fresh token.
        client: for the requests.
        devices, on_news, clock, rng: see `SingleUse`.
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
        super().__init__(client, devices, on_news=on_news, clock=clock, rng=rng)
        self._options = options
        self._door = door
        self._admission: WhipAdmission | None = None
        self._path: WhipPath | None = None
        self._resource: WhipResource | None = None
        self._offered_at = self._began
        self._heard_at = self._began
        self._repairs = Repairs(clock)
        self._changed = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Publish and stay. Gives the resource back in order when cancelled.

        Raises:
            EdgemeetError: why the session ended; it never ends by itself without one.
        """
        async with AsyncExitStack() as listening:
            for device in self._devices:
                listening.callback(device.listen(self._changed.set))
            while True:
                offered_at = self._offered_at = self._clock()
                async with AsyncExitStack() as cleanup:
                    path = await self._join(cleanup)
                    await self._stay(path)
                if self._repairs.age is None:
                    logger.info("the devices have changed: another offer is made")
                self._offered_at = self._clock()
                self._enter(Phase.ADMITTING)
                await asyncio.sleep(max(0.0, offered_at + OFFER_INTERVAL - self._clock()))

    async def _join(self, cleanup: AsyncExitStack) -> WhipPath:
        try:
            admission = self._admission = await self._door.admit()
            self._note_token()
            path = await self._connect(admission, cleanup)
        except EdgemeetError as error:
            await self._door.failed(error)
            raise
        self._repairs.done()
        self._note_joined()
        await self._door.joined()
        return path

    async def _connect(self, admission: WhipAdmission, cleanup: AsyncExitStack) -> WhipPath:
        """Offer, read the answer, find a path, and begin to send."""
        self._enter(Phase.ENTERING)
        self._changed.clear()
        path = self._path = WhipPath(
            self._options, self._client, self._devices, clock=self._clock, rng=self._rng
        )
        cleanup.push_async_callback(self._leave, path)
        offered = await path.offer(admission.target)
        cleanup.push_async_callback(self._give_back, offered.resource)
        self._resource, self._heard_at = offered.resource, self._clock()
        self._enter(Phase.CONNECTING)
        await path.connect(offered)
        return path

    async def _stay(self, path: WhipPath) -> None:
        """Returns when another offer is needed; raises when the session is over."""
        tasks = [
            asyncio.create_task(work)
            for work in (path.transport.wait_failed(), self._ask_in_doubt(path), self._until_stale(path))
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()

    async def _until_stale(self, path: WhipPath) -> None:
        while not path.stale() and self._repairs.age is None:
            await self._changed.wait()
            self._changed.clear()

    async def _ask_in_doubt(self, path: WhipPath) -> None:
        """Find out who still answers, as soon as media is late or the network changes."""
        while True:
            if await self._doubted() or (path.unacknowledged() or 0.0) > DOUBT_AFTER:
                await asyncio.gather(path.answers.ask(ASK_TIMEOUT), self._ask_server())

    async def _ask_server(self) -> None:
        if self._resource is not None and await self._resource.answers(ASK_TIMEOUT):
            self._heard_at = self._clock()

    async def _give_back(self, resource: WhipResource) -> None:
        """DELETE goes first: a server that is told does not guess. Media does not wait for a dead one."""
        self._enter(Phase.LEAVING)
        self._ending = asyncio.create_task(resource.close())
        await asyncio.wait([self._ending], timeout=DELETE_HEAD_START)

    async def _leave(self, path: WhipPath) -> None:
        try:
            await path.close()
        finally:
            if self._ending is not None:
                await asyncio.wait([self._ending])
                self._ending = None

    # What the supervisor asks and tells

    def facts(self) -> SessionFacts:
        """See `RunsOnce`. There is no signaling; in its place the server is asked while media is silent."""
        now, path = self._clock(), self._path
        silence = path.unacknowledged() if path is not None else None
        return SessionFacts(
            joined=self.joined,
            age=now - self._began,
            leaving=self._phase is Phase.LEAVING,
            attempt_age=0.0 if self.joined else now - self._offered_at,
            step_age=now - self._entered_at,
            unacknowledged=silence,
            unanswered=path.answers.unanswered() if path is not None else None,
            signaling_silent=min(silence or 0.0, now - self._heard_at),
            stranded=self._stranded(path.transport if path is not None else None),
            repairing=self._repairs.age,
            repairs=self._repairs.count,
            network_changed=self._age(self._network_changed_at),
        )

    def repair(self) -> None:
        """See `RunsOnce`. Another offer: nothing less can be made anew over WHIP."""
        self._repairs.begin()
        self._changed.set()

    def take_remains(self) -> None:
        """See `RunsOnce`. There is no signaling that could be lost before the media."""

    def view(self) -> SessionView:
        """The session as it is now."""
        admission, path = self._admission, self._path
        published = path.publications.values() if path is not None else ()
        producers = tuple(ProducerView(id=p.kind, stats=p.stats()) for p in published)
        return SessionView(
            phase=self._phase,
            meeting_id=admission.meeting_id if admission else None,
            name=admission.name if admission else None,
            token_expires_at=admission.token_expires_at if admission else None,
            peers=(),
            producers=producers,
            transport=path.transport.stats() if path is not None else None,
            timings=self._timings(producers),
            protocol="whip",
        )
