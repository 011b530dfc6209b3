"""Sessions over the native signaling or over WHIP, as `meeting.protocol` says."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final, Literal

import httpx

from edgemeet.config import Settings
from edgemeet.errors import EdgemeetError, ProtocolMismatch
from edgemeet.health import HealthRegistry, Severity
from edgemeet.supervisor import (
    DEFAULT_LIMITS,
    Admitter,
    Device,
    EndpointDoor,
    ProtocolChoice,
    Remains,
    RunsOnce,
    SessionFacts,
    SessionView,
    VideoSdkDoor,
    WhipDoor,
    root_error,
)

# The registry's name for which way in is taken.
SUBJECT: Final = "protocol"

Way = Literal["native", "whip"]
MakeSession = Callable[[Callable[[], None]], RunsOnce]


class WayIn:
    """Makes sessions. Calling it is `MakeSession`.

    Args:
        settings: say which way, and where a WHIP server is.
        client: for WHIP's requests.
        participant_id: who this device is.
        devices: the camera and the microphone.
        admitter: tokens and meetings; None where the configuration needs none.
        native: makes sessions over the native signaling; None where the configuration has no meeting.
        health: told while "auto" goes over WHIP.
        clock: seconds, monotonic.
        rng: for SSRCs.
    """

    def __init__(
        self,
        settings: Settings,
        client: httpx.AsyncClient,
        participant_id: str,
        devices: tuple[Device, ...],
        *,
        admitter: Admitter | None,
        native: MakeSession | None,
        health: HealthRegistry | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._choice = ProtocolChoice(
            settings.meeting.protocol,
            after_failures=settings.whip.after_failures,
            back_after=settings.whip.back_after,
            clock=clock,
        )
        self._health = health or HealthRegistry()
        self._auto = settings.meeting.protocol == "auto"
        self._native = native
        self._participant_id = participant_id
        self._client = client
        self._devices = devices
        self._clock = clock
        self._rng = rng
        self._whip = (
            self._whip_sessions(settings, _door(settings, participant_id, admitter))
            if settings.meeting.protocol != "native"
            else None
        )

    def __call__(self, on_news: Callable[[], None]) -> RunsOnce:
        """A new, unused session that will call `on_news`."""
        if not self._auto:
            return self._make(self._choice.choose(), on_news)
        return WatchedSession(lambda way: self._make(way, on_news), self._choice, self._tell)

    def _make(self, way: Way, on_news: Callable[[], None]) -> RunsOnce:
        if self._native is not None and way == "native":
            return self._native(on_news)
        assert self._whip is not None, "rules.py demands an endpoint or a meeting"
        return self._whip(on_news)

    def _whip_sessions(self, settings: Settings, door: WhipDoor | None) -> MakeSession | None:
        if door is None:
            return None
        # Here, because it loads all of aiortc and libav, which no other session needs: at the start, and not
        # when the native signaling has failed and the event loop has other things to do.
        from edgemeet.supervisor.whip_path import WhipOptions  # noqa: PLC0415 - see above
        from edgemeet.supervisor.whip_session import WhipSession  # noqa: PLC0415 - as above

        options = WhipOptions(
            participant_id=self._participant_id,
            request_timeout=settings.provisioning.timeout,
            max_bitrate=settings.meeting.max_bitrate,
        )

        def make(on_news: Callable[[], None]) -> RunsOnce:
            return WhipSession(
                options,
                door,
                self._client,
                self._devices,
                on_news=on_news,
                clock=self._clock,
                rng=self._rng,
            )

        return make

    def back(self) -> None:
        """An operator wants another join: with "auto", by the native signaling again."""
        self._choice.back()
        self._tell()

    def _tell(self) -> None:
        """Whoever looks at the device's health learns which way it goes, and why."""
        fallback = self._choice.fallback
        if fallback is None:
            self._health.clear(SUBJECT)
            return
        attempts = f"{fallback.attempts} attempts" if fallback.attempts > 1 else "an attempt"
        condition = ProtocolMismatch(
            f"over WHIP: {attempts} over the native signaling failed by its own fault, the last with "
            f"{fallback.error.code}: {fallback.error.message}",
            code="whip.fallback",
            hint="The native way is tried again with the first join after whip.back_after seconds, or when "
            "told: edgemeet rejoin.",
        )
        self._health.raise_condition(SUBJECT, condition, Severity.WARNING)


class WatchedSession:
    """A session whose way in is learned from: what it is, and how its attempt ended.

    When an attempt makes the other way in the next one, that is tried in the same session: it may work at
    once, and the pause that its error asks for is meant for who has no other way.

    Args:
        make: makes a session over one of them.
        choice: chooses.
        on_choice: called when another way may have been chosen.
    """

    def __init__(
        self,
        make: Callable[[Way], RunsOnce],
        choice: ProtocolChoice,
        on_choice: Callable[[], None] = lambda: None,
    ) -> None:
        self._make = make
        self._session = make(choice.choose())
        self._choice = choice
        self._on_choice = on_choice
        on_choice()

    @property
    def joined(self) -> bool:
        """See `RunsOnce`."""
        return self._session.joined

    def view(self) -> SessionView:
        """See `RunsOnce`."""
        return self._session.view()

    def facts(self) -> SessionFacts:
        """See `RunsOnce`."""
        return self._session.facts()

    def repair(self) -> None:
        """See `RunsOnce`."""
        self._session.repair()

    def network_changed(self) -> None:
        """See `RunsOnce`."""
        self._session.network_changed()

    def take_remains(self) -> Remains | None:
        """See `RunsOnce`."""
        return self._session.take_remains()

    async def run(self) -> None:
        """See `RunsOnce`."""
        if await self._turned():
            # Two joins are never closer, whatever the reason.
            await asyncio.sleep(DEFAULT_LIMITS.join_interval)
            self._session = self._make(self._choice.way)
            await self._turned(again=False)

    async def _turned(self, *, again: bool = True) -> bool:
        """Run the session; True where the attempt failed and the other way is worth trying at once."""
        try:
            await self._session.run()
        except Exception as ended:
            reason = root_error(ended)
            turned = False
            if self._got_in:
                self._choice.worked()
            elif isinstance(reason, EdgemeetError):
                turned = self._choice.failed(reason)
                self._on_choice()
            if not (turned and again):
                raise
        return True

    @property
    def _got_in(self) -> bool:
        return self._session.view().timings.joined is not None


def _door(settings: Settings, participant_id: str, admitter: Admitter | None) -> WhipDoor | None:
    whip, meeting = settings.whip, settings.meeting
    if whip.endpoint is not None:
        return EndpointDoor(whip.endpoint, bearer=whip.bearer, name=meeting.name)
    if admitter is None:
        return None
    return VideoSdkDoor(admitter, api_url=meeting.api_url, participant_id=participant_id)
