"""A joined meeting's signaling."""

from __future__ import annotations

import logging
import random
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from edgemeet.encoded import Kind
from edgemeet.errors import EdgemeetError, SignalingLost
from edgemeet.ortc.parameters import DtlsParameters, RtpCapabilities, RtpParameters, WebRtcTransportOptions
from edgemeet.signaling.address import websocket_url
from edgemeet.signaling.events import MeetingEvent, Peer
from edgemeet.signaling.inbox import Inbox
from edgemeet.signaling.initconfig import InitConfig
from edgemeet.signaling.join import STEPS_TIMEOUT, Joined, JoinOptions, create_transport, enter
from edgemeet.signaling.messages import ConnectTransport, Produce, ProduceAnswer, read_answer
from edgemeet.signaling.protoo import JsonObject
from edgemeet.signaling.room import DEFAULT_TIMINGS, RoomClient, RoomTimings

logger = logging.getLogger(__name__)


class Meeting:
    """One joined meeting, from `join` to `leave`. Used once.

    Requests fail with the error that ended the meeting, once it has ended.

    Attributes:
        router_capabilities: what the server's router can receive.
        transport: where to send media to.
        session_id: the server's name of this session, if it told one.
        switching_room_id: another meeting the server wants this participant in, if it said so at entry.
    """

    def __init__(self, room: RoomClient, inbox: Inbox, options: JoinOptions, joined: Joined) -> None:
        self._room = room
        self._inbox = inbox
        self._options = options
        self.router_capabilities: RtpCapabilities = joined.router_capabilities
        self.transport: WebRtcTransportOptions = joined.transport
        self.session_id: str | None = joined.entry.session_id
        elsewhere = joined.entry.switching_room_id
        self.switching_room_id: str | None = elsewhere if elsewhere != options.meeting_id else None

    @classmethod
    async def join(
        cls,
        init: InitConfig,
        options: JoinOptions,
        *,
        on_event: Callable[[MeetingEvent], None],
        rng: random.Random | None = None,
        timings: RoomTimings = DEFAULT_TIMINGS,
        steps_timeout: float = STEPS_TIMEOUT,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Meeting:
        """Connect, ask for entry, and join.

        Args:
            init: where the meeting is.
            options: who joins.
            on_event: called on the event loop with what happens, also before this returns; must not block.
            rng: where request ids come from.
            timings: deadlines of the websocket.
            steps_timeout: seconds for the dialogue without the wait for a host's consent.
            tls: instead of `rest.trusting`.
            clock: seconds, monotonic.

        Raises:
            EdgemeetError: see `handshake.open_websocket` and `join.enter`. Nothing is left open then.
        """
        inbox = Inbox(options.participant_id, options.meeting_id, on_event, clock=clock)
        url = websocket_url(
            init.signaling_url,
            meeting_id=options.meeting_id,
            participant_id=options.participant_id,
            token=options.token,
            mode=options.mode,
        )
        room = await RoomClient.connect(url, inbox, hide=(options.token,), timings=timings, rng=rng, tls=tls)
        try:
            joined = await enter(room, inbox, options, timeout=steps_timeout)
        except BaseException as error:
            reason = _why(room, inbox, error) if isinstance(error, SignalingLost) else error
            await room.close()
            if reason is error:
                raise
            raise reason from None
        inbox.joined(joined.peers)
        return cls(room, inbox, options, joined)

    @property
    def peers(self) -> tuple[Peer, ...]:
        """The other participants now."""
        return tuple(self._inbox.roster.values())

    @property
    def ignored(self) -> Mapping[str, int]:
        """How often each method came that was unknown or made no sense."""
        return dict(self._inbox.ignored)

    @property
    def round_trip(self) -> float | None:
        """Seconds a ping of the websocket took, if one came back."""
        return self._room.round_trip

    @property
    def silent_for(self) -> float:
        """Seconds since the server was heard of."""
        return self._room.silent_for

    async def probe(self, timeout: float) -> bool:
        """Ask the server for a sign of life: whether one came within `timeout` seconds. Ends nothing."""
        return await self._room.probe(timeout)

    async def connect_transport(self, dtls: DtlsParameters) -> None:
        """Tell the server this side's DTLS role and fingerprints."""
        request = ConnectTransport(transport_id=self.transport.id, dtls_parameters=dtls)
        await self._request("connectWebRtcTransport", request.to_wire())

    async def replace_transport(self) -> WebRtcTransportOptions:
        """A new transport in place of one that failed; producers have to be made anew."""
        try:
            self.transport = await create_transport(self._room, self._options.preferred_protocol)
        except SignalingLost as loss:
            raise _why(self._room, self._inbox, loss) from None
        return self.transport

    async def produce(self, kind: Kind, rtp_parameters: RtpParameters, app_data: Mapping[str, Any]) -> str:
        """Announce a producer.

        Returns:
            The producer's id at the server.

        Raises:
            EdgemeetError: refused, not answered, or the meeting has ended.
        """
        request = Produce(
            transport_id=self.transport.id, kind=kind, rtp_parameters=rtp_parameters, app_data=dict(app_data)
        )
        return read_answer(ProduceAnswer, "produce", await self._request("produce", request.to_wire())).id

    async def close_producer(self, producer_id: str) -> None:
        """Take a producer away. That the server has none of that name is the end that was wanted.

        Raises:
            EdgemeetError: the meeting has ended.
        """
        try:
            await self._request("closeProducer", {"producerId": producer_id})
        except EdgemeetError as refusal:
            if self._room.ended is not None:
                raise
            logger.debug("closing a producer: %s", refusal)

    async def pause_producer(self, producer_id: str) -> None:
        """Tell the server that a producer sends nothing for a while."""
        await self._request("pauseProducer", {"producerId": producer_id})

    async def resume_producer(self, producer_id: str) -> None:
        """Tell the server that a producer sends again."""
        await self._request("resumeProducer", {"producerId": producer_id})

    async def subscribe(self, topic: str) -> None:
        """Get a topic's messages from now on, as events. What was kept from before is not looked at."""
        await self._request("pubsubSubscribe", {"topic": topic})

    async def publish(self, topic: str, message: str, *, to: tuple[str, ...] = ()) -> None:
        """Send a text to a topic, to these participants alone if any are named. It is not kept.

        *unproven*: `sendOnly` is the option's name in the vendor's SDKs; the wire's is a guess.
        """
        options: JsonObject = {"persist": False}
        if to:
            options["sendOnly"] = list(to)
        await self._request("pubsubPublish", {"topic": topic, "message": message, "options": options})

    async def wait_closed(self) -> NoReturn:
        """Wait until the meeting ends for this participant.

        Raises:
            EdgemeetError: why it ended: SignalingLost, DuplicateParticipant, RemovedByHost, RoomClosed...
        """
        try:
            await self._room.wait_closed()
        except SignalingLost as loss:
            raise self._inbox.explain(loss) from None

    async def leave(self, within: float | None = None) -> None:
        """Leave in order, within so many seconds, else 2. Never raises; frees everything that is left."""
        await self._room.close(within)

    async def _request(self, method: str, data: JsonObject) -> JsonObject:
        try:
            return await self._room.request(method, data)
        except SignalingLost as loss:
            raise _why(self._room, self._inbox, loss) from None


def _why(room: RoomClient, inbox: Inbox, loss: SignalingLost) -> EdgemeetError:
    """Why a request was lost: what ended the room says more than that it ended."""
    if isinstance(room.ended, EdgemeetError) and not isinstance(room.ended, SignalingLost):
        return room.ended
    return inbox.explain(loss)
