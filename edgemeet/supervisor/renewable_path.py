"""The media of one session: the path in use, and another one in its place when it does not carry media."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from edgemeet.errors import EdgemeetError
from edgemeet.rtc import SendTransport
from edgemeet.signaling import Meeting
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.media_path import MediaPath
from edgemeet.supervisor.repairs import Repairs

logger = logging.getLogger(__name__)


class RenewablePath:
    """Publishes what is switched on over one media path, and makes that path anew when it is told.

    Args:
        meeting: where transports and producers are announced.
        devices: the camera and the microphone.
        new_path: makes a path over the meeting's transport as it is then.
        connect_timeout: seconds for one transport.
        on_news: called when a transport is lost, and when another one has taken its place.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        meeting: Meeting,
        devices: tuple[Device, ...],
        new_path: Callable[[], MediaPath],
        *,
        connect_timeout: float,
        on_news: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._meeting = meeting
        self._devices = devices
        self._new_path = new_path
        self._connect_timeout = connect_timeout
        self._on_news = on_news
        self._path: MediaPath | None = None
        self._changed = asyncio.Event()
        self._repairs = Repairs(clock)

    @property
    def current(self) -> MediaPath | None:
        """The path in use; None while there is none."""
        return self._path

    @property
    def transport(self) -> SendTransport | None:
        """Of the path in use."""
        return self._path.transport if self._path is not None else None

    @property
    def lost(self) -> bool:
        """Whether the transport has failed or was closed from the other side."""
        return self._path is not None and not self._path.transport.ready

    @property
    def repairing(self) -> float | None:
        """For how many seconds another path has been in the making; None when none is."""
        return self._repairs.age

    @property
    def repairs(self) -> int:
        """Paths that were made anew since media last moved for a while."""
        return self._repairs.count

    async def connect(self) -> None:
        """Connect the first path, or the next. Raises TransportFailed, or what the server answers."""
        path = self._path = self._new_path()
        await path.connect(self._connect_timeout)

    async def publish(self) -> None:
        """Produce what is switched on, and take away what is not."""
        self._changed.clear()
        if self._path is not None:
            await self._path.publish(self._devices)

    async def keep(self) -> None:
        """Publish what is switched, and make the path anew when told, until cancelled or until it fails."""
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(self._watch())
            while True:
                await self._changed.wait()
                self._changed.clear()
                if self._repairs.age is not None:
                    watch.cancel()
                    await self._make_anew()
                    watch = group.create_task(self._watch())
                await self.publish()

    def devices_changed(self) -> None:
        """A device was switched."""
        self._changed.set()

    def repair(self) -> None:
        """Make the path anew; `repairing` and `repairs` tell how it goes."""
        self._repairs.begin()
        self._changed.set()

    def hand_over(self, timeout: float) -> MediaPath | None:
        """The path, where media got through within `timeout` seconds: it is the caller's from now on."""
        path = self._path
        if path is None or not path.alive(timeout):
            return None
        self._path = None
        return path

    async def close(self) -> None:
        """End the producers and the transport, within a few seconds."""
        path, self._path = self._path, None
        if path is not None:
            await path.close()

    async def _watch(self) -> None:
        """Tell as soon as the transport is gone; what is done about it is the supervisor's affair."""
        if self._path is not None:
            try:
                await self._path.transport.wait_failed()
            except EdgemeetError as error:
                logger.debug("session: %s", error)
            self._on_news()

    async def _make_anew(self) -> None:
        """A new transport and new producers on the same signaling; raises when that does not work."""
        gone = [p.producer_id for p in self._path.publications.values()] if self._path is not None else []
        await self.close()
        for producer_id in gone:
            await self._meeting.close_producer(producer_id)
        await self._meeting.replace_transport()
        await self.connect()
        await self.publish()
        self._repairs.done()
        self._on_news()
