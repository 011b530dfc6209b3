"""WHIP on VideoSDK's paths (RFC 9725): an offer makes a participant that sends, DELETE takes it out."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edgemeet.errors import ProtocolMismatch
from edgemeet.ortc.sdp import LocalSide, ReceivedOffer, read_offer, write_answer
from edgemeet.sandbox.peer import Entry, Peer
from edgemeet.sandbox.refusal import LeaveReason, Refused
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.sandbox import Sandbox
from edgemeet.sandbox.sfu.producer import Producer
from edgemeet.sandbox.sfu.transport import CONNECT_TIMEOUT, MediaTransport
from edgemeet.sandbox.silent import NoSocket

_log = logging.getLogger(__name__)

SESSIONS: Final = "/v2/whip/sessions"
SDP: Final = "application/sdp"
FRAGMENT: Final = "application/trickle-ice-sdpfrag"
_MAX_BODY: Final = 64 * 1024
# Without a datagram for so long the other side is gone: ICE's consent checks come every 5 s (RFC 7675).
SILENCE: Final = 30.0
_LOOK: Final = 0.5  # seconds between two looks at whether it is


@dataclass(eq=False)
class _Session:
    """One resource."""

    room: Room
    peer: Peer
    transport: MediaTransport
    expelled: asyncio.Event
    etag: str = field(default_factory=lambda: f'"{secrets.token_hex(8)}"')
    watch: asyncio.Task[None] | None = None


class Whip:
    """The WHIP endpoint of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._sessions: dict[str, _Session] = {}

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/v2/whip", self.publish, methods=["POST"]),
            Route(f"{SESSIONS}/{{session_id}}", self.end, methods=["DELETE"]),
            Route(f"{SESSIONS}/{{session_id}}", self.trickle, methods=["PATCH"]),
        ]

    async def close(self) -> None:
        """End all sessions without a word, as a server does that goes down."""
        for session_id in list(self._sessions):
            await self._end(session_id, LeaveReason.DISCONNECTED)

    async def publish(self, request: Request) -> Response:
        """Take an offer."""
        query = request.query_params
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise Refused(401, "Authorization must hold the token.", status=401)
        room, peer_id, claims = self._sandbox.sessions.admit(
            token=token, room_id=query.get("roomId", ""), peer_id=query.get("participantId", "")
        )
        if claims.must_ask:
            raise Refused(403, "this token must ask for entry, which WHIP cannot", status=403)
        text = await _body(request, SDP)
        try:
            offer = read_offer(text, room.router.capabilities)
        except ProtocolMismatch as error:
            raise Refused(400, error.message) from None
        session_id = secrets.token_urlsafe(16)
        expelled = asyncio.Event()
        peer = Peer(
            id=peer_id,
            socket=NoSocket(expelled.set),
            claims=claims,
            mode="SEND_AND_RECV",
            connected_at=room.clock(),
            name=query.get("displayName", ""),
            entry=Entry.ALLOWED,
            auto_consume=False,
            device_info={"sdkType": "whip"},
        )
        room.connect(peer)
        try:
            transport, answer = await self._accept(room, peer, offer)
        except BaseException:
            room.leave(peer, LeaveReason.DISCONNECTED)
            await room.release(peer)
            raise
        session = self._sessions[session_id] = _Session(room, peer, transport, expelled)
        session.watch = asyncio.create_task(self._watch(session_id, session))
        _log.info("participant %s publishes over WHIP", peer.id)
        return Response(
            answer,
            status_code=201,
            media_type=SDP,
            headers={
                "Location": f"{SESSIONS}/{session_id}",
                "ETag": session.etag,
                "Accept-Patch": FRAGMENT,
                **_links(self._sandbox),
            },
        )

    async def _accept(self, room: Room, peer: Peer, offer: ReceivedOffer) -> tuple[MediaTransport, str]:
        try:
            transport, options = await room.router.create_transport(producing=True)
        except OSError as error:
            raise Refused(500, f"no socket for the transport: {error.strerror}", status=500) from None
        peer.transports[transport.id] = transport
        room.enter(peer)
        for media in offer.media:
            if media.parameters is None:
                continue
            try:
                producer = room.router.produce(
                    transport,
                    peer_id=peer.id,
                    kind=media.kind,
                    parameters=media.parameters,
                    app_data={},
                    on_first_packet=_log_first_packet(peer),
                )
            except ProtocolMismatch as error:
                raise Refused(400, error.message) from None
            room.open_producer(peer, producer)
        transport.connect(offer.dtls_parameters)
        side = LocalSide(options.ice_parameters, options.ice_candidates, options.dtls_parameters)
        return transport, write_answer(offer, side, session_id=secrets.randbits(62))

    async def trickle(self, request: Request) -> Response:
        """Late candidates are taken and not needed: a lite agent learns addresses from the checks."""
        session = self._find(request)
        expected = request.headers.get("if-match")
        if expected not in (None, "*", session.etag):
            return Response(status_code=412)
        fragment = await _body(request, FRAGMENT)
        if "a=candidate:" not in fragment and "a=end-of-candidates" not in fragment:
            raise Refused(501, "ICE is not restarted here: DELETE and POST again", status=501)
        return Response(status_code=204, headers={"ETag": session.etag})

    async def end(self, request: Request) -> Response:
        """Take the participant out."""
        self._find(request)
        await self._end(request.path_params["session_id"], LeaveReason.DISCONNECTED)
        return Response(status_code=200)

    def _find(self, request: Request) -> _Session:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        session = self._sessions.get(request.path_params["session_id"])
        claims = self._sandbox.issuer.verify(token)
        if session is None:
            raise Refused(404, "there is no such session", status=404)
        claims.check_participant(session.peer.id)
        return session

    async def _end(self, session_id: str, reason: LeaveReason) -> None:
        session = self._sessions.pop(session_id, None)
        if session is None:
            return
        if session.watch is not None and session.watch is not asyncio.current_task():
            session.watch.cancel()
            await asyncio.wait([session.watch])
        session.room.leave(session.peer, reason)
        await session.room.release(session.peer)

    async def _watch(self, session_id: str, session: _Session) -> None:
        """End a session that was expelled, whose transport is over, or of which nothing is heard."""
        clock = self._sandbox.clock
        heard, received = clock(), 0
        patience = CONNECT_TIMEOUT
        while not session.expelled.is_set():
            try:
                async with asyncio.timeout(_LOOK):
                    await session.expelled.wait()
            except TimeoutError:
                pass
            transport = session.transport
            if transport.connected:
                patience = SILENCE
            if transport.datagrams_received != received:
                heard, received = clock(), transport.datagrams_received
            if transport.state in {"closed", "failed"} or clock() - heard > patience:
                break
        _log.info("the WHIP session of %s is over", session.peer.id)
        await self._end(session_id, LeaveReason.DISCONNECTED)


def _log_first_packet(peer: Peer) -> Callable[[Producer, float], None]:
    def log(producer: Producer, now: float) -> None:
        seconds = now - peer.connected_at
        _log.info("first RTP packet of %s from %s, %.3f s after its offer", producer.kind, peer.id, seconds)

    return log


def _links(sandbox: Sandbox) -> dict[str, str]:
    """The ICE servers of the sandbox in a Link header (RFC 9725, 4.6)."""
    links = []
    for server in sandbox.options.ice_servers:
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"'
            if server.username is not None and server.credential is not None:
                credential = server.credential.get_secret_value()
                link += f'; username="{server.username}"; credential="{credential}"'
                link += '; credential-type="password"'
            links.append(link)
    return {"Link": ", ".join(links)} if links else {}


async def _body(request: Request, media_type: str) -> str:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != media_type:
        raise Refused(415, f"Content-Type must be {media_type}", status=415)
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > _MAX_BODY:
            raise Refused(413, "the body is too long", status=413)
    return data.decode("utf-8", "replace")
