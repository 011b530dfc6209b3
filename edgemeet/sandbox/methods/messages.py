"""Publish and subscribe."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Final

from pydantic import Field, JsonValue

from edgemeet.ortc.parameters import WireModel
from edgemeet.sandbox.methods.context import Context, Handler, Json, read
from edgemeet.sandbox.pubsub import MAX_MESSAGE
from edgemeet.sandbox.refusal import Refused

_MAX_SUBSCRIPTIONS: Final = 100  # per participant


class _Options(WireModel):
    persist: bool = False
    send_only: tuple[str, ...] = ()


class _Publish(WireModel):
    topic: str = Field(min_length=1, max_length=256)
    message: JsonValue
    options: _Options | None = None
    payload: JsonValue = None


class _Subscribe(WireModel):
    topic: str = Field(min_length=1, max_length=256)


async def publish(context: Context, data: Json) -> Json:
    """Send a message to all subscribers of a topic."""
    context.require_joined()
    request = read(_Publish, data)
    options = request.options or _Options()
    size = len(json.dumps([request.message, request.payload]))
    if size > MAX_MESSAGE:
        raise Refused(413, f"message and payload may have {MAX_MESSAGE} characters together")
    peer, room = context.peer, context.room
    message: Json = {
        "id": uuid.uuid4().hex,
        "topic": request.topic,
        "message": request.message,
        "payload": request.payload,
        "senderId": peer.id,
        "senderName": peer.name,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    if options.persist:
        room.topics.keep(request.topic, message, size)
    for other in room.joined:
        wanted = not options.send_only or other.id in options.send_only
        if request.topic in other.topics and wanted:
            other.socket.notify("pubsubMessage", message)
    return {}


async def subscribe(context: Context, data: Json) -> Json:
    """Get a topic's messages from now on, and those that were kept."""
    context.require_joined()
    topic = read(_Subscribe, data).topic
    if len(context.peer.topics) >= _MAX_SUBSCRIPTIONS:
        raise Refused(429, f"a participant subscribes to at most {_MAX_SUBSCRIPTIONS} topics")
    context.peer.topics.add(topic)
    messages: list[JsonValue] = list(context.room.topics.kept(topic))
    return {"messages": messages}


async def unsubscribe(context: Context, data: Json) -> Json:
    """Get no more of a topic."""
    context.peer.topics.discard(read(_Subscribe, data).topic)
    return {}


MESSAGES: dict[str, Handler] = {
    "pubsubPublish": publish,
    "pubsubSubscribe": subscribe,
    "pubsubUnsubscribe": unsubscribe,
}
