"""What goes wrong on an open websocket, as edgemeet's errors. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from edgemeet.errors import EdgemeetError, ProtocolMismatch, ServerError, SignalingLost
from edgemeet.refusals import from_code, from_reply, quotable
from edgemeet.signaling.protoo import ErrorResponse

WHAT: Final = "the signaling server"

# protoo says of this close code: do not reconnect. Why, comes as a `close` request or `error` notification.
PROTOO_CLOSED: Final = 4000


def request_lost(method: str = "a request") -> SignalingLost:
    """For a request that gets no answer because the room has ended."""
    return SignalingLost(f"the connection to {WHAT} is gone, {method} has no answer")


def request_refused(method: str, reply: ErrorResponse, hide: Collection[str] = ()) -> EdgemeetError:
    """For a request that was answered with an error.

    VideoSDK's codes have four digits; protoo servers also use the numbers of HTTP.
    """
    if reply.code >= 1000:
        return from_code(reply.code, reply.reason)
    said = quotable(reply.reason, hide=hide)
    if reply.code in {401, 403, 429}:
        return from_reply(
            reply.code, {"message": reply.reason}, what=f"{WHAT}, asked for {method},", hide=hide
        )
    message = f"{WHAT} refuses {method} ({reply.code})" + (f" and says: {said}" if said else "")
    if reply.code in {400, 404, 405, 501}:
        return ProtocolMismatch(message, code="protocol.request_refused")
    return ServerError(message, code="server.request_refused")


def connection_closed(closed: ConnectionClosed) -> EdgemeetError:
    """For a websocket that closed, or was closed by the library because of what came in.

    The server's close codes are not published. None of them is interpreted: they stand in the message.
    """
    ours = closed.sent if closed.rcvd is None or closed.rcvd_then_sent is False else None
    if ours is not None and ours.code == CloseCode.MESSAGE_TOO_BIG:
        return ProtocolMismatch(f"{WHAT} sent too large a message", code="protocol.frame_too_large")
    if ours is not None and ours.code in {CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA}:
        return ProtocolMismatch(f"{WHAT} breaks the websocket protocol", code="protocol.frame")
    if closed.rcvd is None:
        return SignalingLost(f"the connection to {WHAT} broke")
    said = quotable(closed.rcvd.reason)
    return SignalingLost(
        f"{WHAT} closed the connection ({closed.rcvd.code})" + (f" and says: {said}" if said else ""),
        code="signaling.closed_by_server",
        hint="The server gave no reason and wants no reconnection."
        if closed.rcvd.code == PROTOO_CLOSED
        else None,
    )
