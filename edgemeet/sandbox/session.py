"""One websocket from its opening to its end: admission, requests, and the clearing up."""

from __future__ import annotations

import logging
import re
from typing import Final
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from edgemeet.sandbox.lingering import Lingering
from edgemeet.sandbox.methods import METHODS, SLOW
from edgemeet.sandbox.methods.context import Context
from edgemeet.sandbox.peer import Peer
from edgemeet.sandbox.peersocket import GOODBYE, PeerSocket
from edgemeet.sandbox.refusal import Code, LeaveReason, Refused
from edgemeet.sandbox.registry import RoomRegistry
from edgemeet.sandbox.room import Room
from edgemeet.sandbox.tokens import Claims, TokenIssuer
from edgemeet.signaling.protoo import ErrorResponse, ProtooError, Request, Response

_log = logging.getLogger(__name__)

SUBPROTOCOL: Final = "protoo"
_PEER_ID: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_MODES: Final = frozenset({"SEND_AND_RECV", "RECV_ONLY", "SIGNALLING_ONLY", "CONFERENCE", "VIEWER"})


class Sessions:
    """Serves websockets.

    Args:
        max_peers: participants in one room.
        lingering: has those whose websocket is lost.
    """

    def __init__(
        self, registry: RoomRegistry, issuer: TokenIssuer, *, max_peers: int, lingering: Lingering
    ) -> None:
        self._registry = registry
        self._issuer = issuer
        self._max_peers = max_peers
        self._lingering = lingering

    async def serve(self, websocket: WebSocket) -> None:
        """The whole life of one websocket."""
        if SUBPROTOCOL not in websocket.scope.get("subprotocols", ()) or not _is_own_page(websocket):
            await websocket.close(1002)
            return
        await websocket.accept(subprotocol=SUBPROTOCOL)
        try:
            query = websocket.query_params
            room, peer_id, claims = self.admit(
                token=query.get("secret", ""),
                room_id=query.get("roomId", ""),
                peer_id=query.get("peerId", ""),
            )
        except Refused as refused:
            await self._refuse(websocket, refused)
            return
        mode = websocket.query_params.get("mode", "SEND_AND_RECV")
        socket = PeerSocket(websocket)
        peer = Peer(
            id=peer_id,
            socket=socket,
            claims=claims,
            mode=mode if mode in _MODES else "SEND_AND_RECV",
            connected_at=room.clock(),
        )
        room.connect(peer)
        context = Context(room, peer, self._issuer)
        try:
            await socket.run(lambda request: self._handle(context, request))
        finally:
            if not (socket.lost and self._lingering.keep(room, peer)):
                room.leave(peer, LeaveReason.DISCONNECTED)
                await room.release(peer)

    def admit(self, *, token: str, room_id: str, peer_id: str) -> tuple[Room, str, Claims]:
        """The room, if this participant may join it with this token. Raises Refused."""
        claims = self._issuer.verify(token)
        room = self._registry.find(room_id)
        if room is None:
            raise Refused(Code.MEETING_INVALID)
        claims.check_room(room.id, room.custom_id)
        if not _PEER_ID.fullmatch(peer_id):
            raise Refused(Code.PARTICIPANT_INVALID)
        claims.check_participant(peer_id)
        claims.check_role("rtc")
        if room.disabled:
            raise Refused(Code.MEETING_DISABLED)
        if peer_id not in room.peers and len(room.peers) >= self._max_peers:
            raise Refused(Code.PARTICIPANT_LIMIT)
        return room, peer_id, claims

    async def _refuse(self, websocket: WebSocket, refused: Refused) -> None:
        _log.info("refused a websocket: %d %s", refused.code, refused.text)
        socket = PeerSocket(websocket)
        socket.notify("error", {"code": refused.code, "message": refused.text})
        socket.close(GOODBYE)

        async def ignore(request: Request) -> None:
            """The socket closes in a moment."""

        await socket.run(ignore)

    async def _handle(self, context: Context, request: Request) -> None:
        if request.method in SLOW:
            context.peer.spawn(self._answer(context, request))
        else:
            await self._answer(context, request)

    async def _answer(self, context: Context, request: Request) -> None:
        handler = METHODS.get(request.method)
        answer: Response | ErrorResponse
        if handler is None:
            answer = ErrorResponse(request.id, 404, f"unknown method {request.method}")
        else:
            try:
                answer = Response(request.id, await handler(context, request.data))
            except Refused as refused:
                answer = ErrorResponse(request.id, refused.code, refused.text)
        try:
            context.peer.socket.respond(answer)
        except ProtooError as error:
            context.peer.socket.respond(ErrorResponse(request.id, 413, str(error)))


def is_loopback_origin(origin: str) -> bool:
    """True for a page that this machine serves to itself."""
    try:
        return urlsplit(origin).hostname in {"localhost", "127.0.0.1", "::1"}
    except ValueError:
        return False


def _is_own_page(websocket: WebSocket) -> bool:
    """Browsers say whose page connects; a stranger's page must not join with what it finds here."""
    origin = websocket.headers.get("origin")
    if origin is None or is_loopback_origin(origin):
        return True
    try:
        return urlsplit(origin).netloc == websocket.headers.get("host")
    except ValueError:
        return False
