"""Coming in: entry, join, and the answers of hosts."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, JsonValue, SecretStr

from edgemeet.ortc.parameters import RtpCapabilities, WireModel
from edgemeet.sandbox.methods.context import Context, Handler, Json, read
from edgemeet.sandbox.peer import Entry
from edgemeet.sandbox.refusal import Refused

_MAX_NAME: Final = 256


class _RequestEntry(WireModel):
    name: str = Field(default="", max_length=_MAX_NAME)


class _RespondEntry(WireModel):
    peer_id: str
    decision: bool | Literal["allowed", "denied"]


class _Join(WireModel):
    secret: SecretStr
    auto_consume: bool = True
    display_name: str | None = Field(default=None, max_length=_MAX_NAME)
    device: JsonValue = None
    device_info: JsonValue = None
    rtp_capabilities: RtpCapabilities = RtpCapabilities()
    meta_data: JsonValue = None
    mode: Literal["SEND_AND_RECV", "RECV_ONLY", "SIGNALLING_ONLY", "CONFERENCE", "VIEWER"] | None = None


async def request_entry(context: Context, data: Json) -> Json:
    """Ask to come in; the answer comes as the notification entryResponded."""
    request = read(_RequestEntry, data)
    room, peer = context.room, context.peer
    peer.name = request.name or peer.name
    if peer.entry is Entry.ALLOWED:
        room.admit(peer, allowed=True)
    elif room.deny_next > 0:
        room.deny_next -= 1
        room.admit(peer, allowed=False)
    elif not peer.claims.must_ask:
        room.admit(peer, allowed=True)
    else:
        peer.entry = Entry.WAITING
        for host in room.hosts():
            host.socket.notify("entryRequested", {"id": peer.id, "peerId": peer.id, "name": peer.name})
    return {}


async def respond_entry(context: Context, data: Json) -> Json:
    """A host's decision."""
    context.require_moderator()
    request = read(_RespondEntry, data)
    waiting = context.room.peers.get(request.peer_id)
    if waiting is None or waiting.entry is not Entry.WAITING:
        raise Refused(404, "nobody with this id waits for entry")
    context.room.admit(waiting, allowed=request.decision in (True, "allowed"))
    return {}


async def join(context: Context, data: Json) -> Json:
    """Come in."""
    request = read(_Join, data)
    room, peer = context.room, context.peer
    claims = context.issuer.verify(request.secret.get_secret_value())
    claims.check_room(room.id, room.custom_id)
    claims.check_participant(peer.id)
    # One who may join at once need not have waited for entryResponded; the vendor's Python SDK does not.
    if peer.entry is Entry.DENIED or (claims.must_ask and peer.entry is not Entry.ALLOWED):
        raise Refused(403, "entry was not granted")
    peer.entry = Entry.ALLOWED
    peer.name = request.display_name or peer.name
    peer.auto_consume = request.auto_consume
    peer.device, peer.device_info, peer.meta_data = request.device, request.device_info, request.meta_data
    peer.mode = request.mode or peer.mode
    peer.capabilities = request.rtp_capabilities
    others: list[JsonValue] = [other.describe() for other in room.enter(peer)]
    if peer.claims.may_moderate:
        _show_waiting(context)
    room.offer_all(peer)
    return {"peers": others, "messages": [], "sessionId": room.session_id}


def _show_waiting(context: Context) -> None:
    for waiting in context.room.peers.values():
        if waiting.entry is Entry.WAITING:
            context.peer.socket.notify(
                "entryRequested", {"id": waiting.id, "peerId": waiting.id, "name": waiting.name}
            )


ENTRY: dict[str, Handler] = {"requestEntry": request_entry, "respondEntry": respond_entry, "join": join}
