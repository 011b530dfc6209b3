"""What both kinds of session share: the parts they are made of, and how far they have come."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Final

import httpx

from edgemeet.beat import until_beat
from edgemeet.poke import Poke
from edgemeet.rtc import SendTransport
from edgemeet.supervisor.device import Device
from edgemeet.supervisor.views import Phase, ProducerView, Timings, first_packet_at

logger = logging.getLogger(__name__)

# Media without an acknowledgement for so many seconds is asked after, and signaling too: reports on pictures
# come every second, stretched by up to a half.
DOUBT_AFTER: Final = 1.5
DOUBT_LOOK: Final = 0.25  # seconds between two looks for that
# Seconds that an answer may take then.
ASK_TIMEOUT: Final = 2.0


class SingleUse:
    """A session, whatever its way in. It is run once.

    Args:
        client: for REST and for WHIP, see `rest.new_client`.
        devices: the camera and the microphone; they outlive the session.
        on_news: called when media is connected and produced, and when something happened that the
            supervisor should look at.
        clock: seconds, monotonic.
        rng: for SSRCs and request ids.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        devices: tuple[Device, ...],
        *,
        on_news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._client = client
        self._devices = devices
        self._on_news = on_news
        self._clock = clock
        self._rng = rng or random.Random()
        self._phase = Phase.ADMITTING
        self._began = self._entered_at = clock()
        self._token_at: float | None = None
        self._joined_at: float | None = None
        self._first_media: float | None = None
        self._network_changed_at: float | None = None
        self._stranded_since: float | None = None
        self._doubt = Poke()

    @property
    def joined(self) -> bool:
        """True while the participant is in the meeting and its media is connected."""
        return self._phase is Phase.JOINED

    def network_changed(self) -> None:
        """See `RunsOnce`."""
        self._network_changed_at = self._clock()
        self._doubt.give()

    async def _doubted(self) -> bool:
        """Wait until there is a reason to ask who still answers, or for a moment; whether there is one."""
        await self._doubt.wait(until_beat(DOUBT_LOOK))
        doubted = self._doubt.given
        self._doubt.clear()
        return doubted

    def _enter(self, phase: Phase) -> None:
        self._phase, self._entered_at = phase, self._clock()
        logger.debug("session: %s", phase)

    def _note_token(self) -> None:
        self._token_at = self._clock()

    def _note_joined(self) -> None:
        self._joined_at = self._clock()
        self._enter(Phase.JOINED)
        self._on_news()

    def _age(self, since: float | None) -> float | None:
        return None if since is None else self._clock() - since

    def _stranded(self, transport: SendTransport | None) -> float | None:
        """For how long the address that media leaves from has been gone, while there is another way."""
        if not self.joined or transport is None or not transport.stranded:
            self._stranded_since = None
        elif self._stranded_since is None:
            self._stranded_since = self._clock()
            self._doubt.give()
        return self._age(self._stranded_since)

    def _timings(self, producers: tuple[ProducerView, ...]) -> Timings:
        if self._first_media is None:
            self._first_media = first_packet_at(producers, self._clock())
        return Timings(
            began=self._began,
            token=self._token_at,
            joined=self._joined_at,
            first_media=self._first_media,
        )
