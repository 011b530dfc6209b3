"""The join dialogue: from an open websocket to a meeting, in the order that VideoSDK's SDKs keep."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue, ValidationError

from edgemeet.errors import EntryDenied, ProtocolMismatch, ServerError
from edgemeet.ortc.capabilities import receive_capabilities
from edgemeet.ortc.parameters import RtpCapabilities, WebRtcTransportOptions
from edgemeet.signaling.faults import WHAT
from edgemeet.signaling.inbox import Inbox
from edgemeet.signaling.messages import (
    CreateTransport,
    DeviceInfo,
    EntryResponded,
    JoinAnswer,
    JoinRequest,
    Mode,
    PeerData,
    PreferredProtocol,
    RequestEntry,
    read_answer,
)
from edgemeet.signaling.room import RoomClient
from edgemeet.version import own_version

STEPS_TIMEOUT: Final = 30.0  # seconds for all steps but the wait for a host's consent


def own_device_info() -> DeviceInfo:
    """What edgemeet tells of itself: its own version, under the SDK type that speaks this dialogue."""
    own = own_version()
    return DeviceInfo(sdk_version=own, sdk_metadata={"client": f"edgemeet/{own}"})


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """Who joins which meeting, and how.

    Attributes:
        token: the JWT; in no repr.
        metadata: shown to the other participants; no secrets.
        entry_timeout: seconds to wait for a host's consent.
        device_info: what the server is told about this client.
    """

    meeting_id: str
    participant_id: str
    name: str
    token: str = field(repr=False)
    mode: Mode = "SEND_AND_RECV"
    preferred_protocol: PreferredProtocol = "UDP_OVER_TCP"
    metadata: Mapping[str, JsonValue] | None = None
    debug_mode: bool = False
    entry_timeout: float = 300.0
    device_info: DeviceInfo = field(default_factory=own_device_info)


@dataclass(frozen=True, slots=True)
class Joined:
    """What the dialogue brought."""

    router_capabilities: RtpCapabilities
    transport: WebRtcTransportOptions
    entry: EntryResponded
    peers: list[PeerData]


async def enter(
    room: RoomClient, inbox: Inbox, options: JoinOptions, *, timeout: float = STEPS_TIMEOUT
) -> Joined:
    """Go through the whole dialogue.

    Args:
        room: freshly connected.
        inbox: the handler of `room`; what becomes of `requestEntry` arrives there.
        options: who joins.
        timeout: seconds for all steps; the wait for consent, `options.entry_timeout`, is not among them.

    Raises:
        EntryDenied: ``meeting.entry_denied`` or ``meeting.entry_timeout``.
        ProtocolMismatch: ``protocol.answer`` or ``protocol.entry``, an answer makes no sense.
        ServerError: ``server.no_answer``, the steps took too long.
        EdgemeetError: a step was refused, or the room ended.
    """
    clock = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(timeout) as deadline:
            data = await room.request("getRouterRtpCapabilities")
            router = read_answer(RtpCapabilities, "getRouterRtpCapabilities", data)
            transport = await create_transport(room, options.preferred_protocol)
            asked = clock()
            left = (deadline.when() or asked) - asked
            deadline.reschedule(None)  # the wait for consent has a deadline of its own
            entry = await _ask_entry(room, inbox, options)
            deadline.reschedule(clock() + left)
            peers = await _join(room, options, router)
    except TimeoutError:
        message = f"{WHAT} did not let this device join within {timeout:g} s"
        raise ServerError(message, code="server.no_answer") from None
    return Joined(router, transport, entry, peers)


async def create_transport(room: RoomClient, preferred_protocol: PreferredProtocol) -> WebRtcTransportOptions:
    """A transport at the server to send media to. May be asked for again when one has failed."""
    request = CreateTransport(preferred_protocol=preferred_protocol)
    data = await room.request("createWebRtcTransport", request.to_wire())
    return read_answer(WebRtcTransportOptions, "createWebRtcTransport", data)


async def _ask_entry(room: RoomClient, inbox: Inbox, options: JoinOptions) -> EntryResponded:
    """Ask for entry and wait for the decision, which may come before the answer to the question."""
    try:
        async with asyncio.timeout(options.entry_timeout):
            await _decision(room, inbox, RequestEntry(name=options.name))
    except TimeoutError:
        raise EntryDenied(
            f"no host let this device in within {options.entry_timeout:g} s",
            code="meeting.entry_timeout",
            hint="A token with the permission allow_join needs no host.",
        ) from None
    entry = inbox.entry
    assert entry is not None
    if entry.decision == "denied":
        raise EntryDenied("a host refused to let this device in")
    if entry.decision != "allowed":
        raise ProtocolMismatch("entryResponded holds an unknown decision", code="protocol.entry")
    return entry


async def _decision(room: RoomClient, inbox: Inbox, request: RequestEntry) -> None:
    """Wait for the first of: the decision, a refusal of the question, the end of the room.

    The question itself may stay unanswered until a host decides, so it has no timeout of its own.
    """
    try:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(room.request("requestEntry", request.to_wire(), timeout=math.inf))
            watching = group.create_task(room.wait_closed())
            await inbox.entry_came.wait()
            asking.cancel()
            watching.cancel()
    except ExceptionGroup as faults:
        raise room.ended or faults.exceptions[0] from None


async def _join(room: RoomClient, options: JoinOptions, router: RtpCapabilities) -> list[PeerData]:
    request = JoinRequest(
        secret=options.token,
        display_name=options.name,
        device_info=options.device_info,
        rtp_capabilities=receive_capabilities(router),
        meta_data=dict(options.metadata or {}),
        mode=options.mode,
        debug_mode=options.debug_mode,
    )
    answer = read_answer(JoinAnswer, "join", await room.request("join", request.to_wire()))
    peers = []
    for entry in answer.peers:
        with contextlib.suppress(ValidationError):
            peers.append(PeerData.model_validate(entry))
    return peers
