"""What hosts ask of other participants, and of the room."""

from __future__ import annotations

import asyncio
from typing import Final

from edgemeet.ortc.parameters import WireModel
from edgemeet.sandbox.methods.context import Context, Handler, Json, read
from edgemeet.sandbox.peersocket import RequestRejected
from edgemeet.sandbox.refusal import LeaveReason, Refused

RELAY_TIMEOUT: Final = 5.0  # seconds that an asked participant has; less than the 15 s of the one who asks


class _OfPeer(WireModel):
    peer_id: str


def _relay(method: str) -> Handler:
    async def relay(context: Context, data: Json) -> Json:
        context.require_moderator()
        target = context.other(read(_OfPeer, data).peer_id)
        try:
            async with asyncio.timeout(RELAY_TIMEOUT):
                await target.socket.begin_request(method, {"peerId": context.peer.id})
        except RequestRejected as error:
            raise Refused(error.code, "the participant refused") from None
        except TimeoutError:
            raise Refused(504, "the participant did not answer") from None
        return {}

    return relay


async def remove_peer(context: Context, data: Json) -> Json:
    """Take another participant out."""
    context.require_moderator()
    target = context.other(read(_OfPeer, data).peer_id)
    # Afterwards, so that one who removes itself gets its answer first; the same below.
    asyncio.get_running_loop().call_soon(context.room.leave, target, LeaveReason.REMOVED)
    return {}


async def close_room(context: Context, data: Json) -> Json:
    """End the meeting for everybody, the one who asks included."""
    context.require_moderator()
    asyncio.get_running_loop().call_soon(context.room.close)
    return {}


# These wait for another participant, perhaps for the very one that asks, so they must not hold up its socket.
_RELAYED: dict[str, Handler] = {
    name: _relay(method)
    for method in ("enableMic", "disableMic", "enableWebcam", "disableWebcam")
    # The second name is the one that the vendor's Python SDK sends.
    for name in (method, method.replace("able", "ablePeer", 1))
}
SLOW = frozenset(_RELAYED)

CONTROL: dict[str, Handler] = {**_RELAYED, "removePeer": remove_peer, "closeRoom": close_room}
