"""Sessions over the native signaling or over WHIP, as `meeting.protocol` says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import httpx

from edgemeet.config import Settings
from edgemeet.errors import EdgemeetError
from edgemeet.supervisor import (
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
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._choice = ProtocolChoice(
            settings.meeting.protocol, after_failures=settings.whip.after_failures, clock=clock
        )
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
        session = self._make(on_news)
        return WatchedSession(session, self._choice) if self._auto else session

    def _make(self, on_news: Callable[[], None]) -> RunsOnce:
        if self._native is not None and self._choice.choose() == "native":
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


class WatchedSession:
    """A session whose way in is learned from: what it is, and how its attempt ended."""

    def __init__(self, session: RunsOnce, choice: ProtocolChoice) -> None:
        self._session = session
        self._choice = choice

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
        try:
            await self._session.run()
        except Exception as ended:
            reason = root_error(ended)
            if self._got_in:
                self._choice.worked()
            elif isinstance(reason, EdgemeetError):
                self._choice.failed(reason)
            raise

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
