"""Makes the sessions that join what the settings name."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx

from edgemeet.config import Settings
from edgemeet.daemon.build import provisioner
from edgemeet.daemon.way_in import WayIn
from edgemeet.health import HealthRegistry
from edgemeet.provisioning import Admission, Polling, Provisioner
from edgemeet.rest import trusting
from edgemeet.state import StateStore
from edgemeet.supervisor import Attendant, Device, Session, SessionOptions
from edgemeet.telemetry import Redactor


class _LearningAdmitter:
    """Makes each new token known to the redactor before anybody can log it, and has the server polled."""

    def __init__(self, source: Provisioner, redactor: Redactor, polling: Polling | None) -> None:
        self._source = source
        self._redactor = redactor
        self._polling = polling
        self.joined = source.joined
        self.join_failed = source.join_failed

    async def admit(self) -> Admission:
        try:
            admission = await self._source.admit()
        finally:
            # A refusal too says what to wait for.
            if self._polling is not None:
                self._polling.admitted(self._source)
        self._redactor.learn(admission.token.reveal())
        return admission


def session_maker(
    settings: Settings,
    client: httpx.AsyncClient,
    participant_id: str,
    devices: tuple[Device, ...],
    redactor: Redactor,
    *,
    store: StateStore | None = None,
    polling: Polling | None = None,
    attendant: Attendant | None = None,
    health: HealthRegistry | None = None,
    clock: Callable[[], float] = time.monotonic,
    rng: random.Random | None = None,
) -> WayIn:
    """Makes sessions that join what the settings name."""
    if settings.meeting.protocol == "whip" and settings.whip.endpoint is not None:
        return WayIn(
            settings,
            client,
            participant_id,
            devices,
            admitter=None,
            native=None,
            clock=clock,
            rng=rng,
        )
    admitter = _LearningAdmitter(provisioner(settings, client, participant_id, store), redactor, polling)
    meeting, ca_file = settings.meeting, settings.provisioning.ca_file
    options = SessionOptions(
        participant_id=participant_id,
        api_url=meeting.api_url,
        request_timeout=settings.provisioning.timeout,
        preferred_protocol=meeting.preferred_protocol,
        entry_timeout=meeting.entry_timeout,
        debug_mode=meeting.debug_mode,
        allow_remote_unmute=meeting.allow_remote_unmute,
        media_timeout=settings.recovery.media_timeout,
        max_bitrate=meeting.max_bitrate,
        tls=trusting(ca_file),
    )

    def make(on_news: Callable[[], None]) -> Session:
        return Session(
            options, admitter, client, devices, attendant=attendant, on_news=on_news, clock=clock, rng=rng
        )

    return WayIn(
        settings,
        client,
        participant_id,
        devices,
        admitter=admitter,
        native=make,
        health=health,
        clock=clock,
        rng=rng,
    )
