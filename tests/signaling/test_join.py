from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from edgemeet.errors import (
    AuthError,
    DuplicateParticipant,
    EdgemeetError,
    EntryDenied,
    MeetingFull,
    MeetingUnavailable,
    ProtocolMismatch,
    RoomClosed,
    ServerError,
    SignalingLost,
)
from edgemeet.signaling import InitConfig, Meeting, Peer, RoomTimings
from edgemeet.signaling.protoo import ErrorResponse, Notification, Request

STEPS = ["getRouterRtpCapabilities", "createWebRtcTransport", "requestEntry", "join"]


async def test_the_happy_join_in_order(room: Any, join: Any, kit: Any) -> None:
    async with join(metadata={"place": "porch"}, debug_mode=True) as meeting:
        assert room.methods == STEPS
        assert [codec.mime_type for codec in meeting.router_capabilities.codecs] == [
            "audio/opus",
            "video/VP8",
        ]
        assert meeting.transport.id == "transport-1"
        assert meeting.peers == (Peer("other", "Other"),)
        assert meeting.session_id == "session-1"
        assert meeting.switching_room_id is None
    query = parse_qs(urlsplit(room.paths[0]).query)
    assert query == {
        "roomId": ["abcd-efgh-ijkl"],
        "peerId": ["device"],
        "secret": [kit.TOKEN],
        "mode": ["SEND_AND_RECV"],
        "peerType": ["normal"],
    }
    assert room.socket.subprotocol == "protoo"
    _, create, entry, asked = (request.data for request in room.requests)
    assert create == {
        "preferredProtocol": "UDP_OVER_TCP",
        "forceTcp": False,
        "producing": True,
        "consuming": False,
    }
    assert entry == {"name": "Porch"}
    assert asked["secret"] == kit.TOKEN
    assert asked["displayName"] == "Porch"
    assert asked["metaData"] == {"place": "porch"}
    assert asked["debugMode"] is True
    assert asked["switchingRoom"] is False
    assert asked["autoConsume"] is False
    assert asked["deviceInfo"]["sdkType"] == "python"
    assert asked["deviceInfo"]["sdkMetadata"]["client"].startswith("edgemeet/")
    assert {codec["mimeType"] for codec in asked["rtpCapabilities"]["codecs"]} == {"audio/opus", "video/VP8"}


async def test_leaving_closes_the_websocket_in_order(room: Any, join: Any) -> None:
    async with join() as meeting:
        pass
    await asyncio.wait_for(room.closed.wait(), 5)
    assert room.socket.close_code == 1000
    with pytest.raises(SignalingLost) as caught:
        await meeting.wait_closed()
    assert caught.value.code == "signaling.left"


async def test_the_decision_may_come_before_the_answer(room: Any, join: Any, kit: Any) -> None:
    room.scripts["requestEntry"] = kit.says(Notification("entryResponded", kit.ALLOWED), {})
    async with join() as meeting:
        assert meeting.peers
        await room.ask("statsData")  # the late answer has been read by now
        assert meeting._room.stray_answers == 1


async def test_the_question_may_stay_unanswered_until_the_decision(room: Any, join: Any, kit: Any) -> None:
    async def later(room: Any, request: Request) -> None:
        await asyncio.sleep(0.7)  # longer than any other request may take in this test
        await kit.says(Notification("entryResponded", kit.ALLOWED))(room, request)

    room.scripts["requestEntry"] = later
    async with join(RoomTimings(request=0.5)):
        assert room.methods == STEPS


async def test_a_host_says_no(room: Any, join: Any, kit: Any) -> None:
    room.scripts["requestEntry"] = kit.says(
        {}, Notification("entryResponded", {"id": "device", "decision": "denied"})
    )
    with pytest.raises(EntryDenied) as caught:
        await join().__aenter__()
    assert caught.value.code == "meeting.entry_denied"
    assert "join" not in room.methods
    await asyncio.wait_for(room.closed.wait(), 5)


async def test_nobody_answers_the_door(room: Any, join: Any, kit: Any) -> None:
    room.scripts["requestEntry"] = kit.says({})
    with pytest.raises(EntryDenied, match=r"within 0\.2 s") as caught:
        await join(entry_timeout=0.2).__aenter__()
    assert caught.value.code == "meeting.entry_timeout"
    await asyncio.wait_for(room.closed.wait(), 5)


@pytest.mark.parametrize("data", [{}, {"decision": "maybe"}, {"decision": 5}])
async def test_a_decision_that_makes_no_sense(room: Any, join: Any, kit: Any, data: Any) -> None:
    room.scripts["requestEntry"] = kit.says({}, Notification("entryResponded", data))
    with pytest.raises(ProtocolMismatch) as caught:
        await join().__aenter__()
    assert caught.value.code == "protocol.entry"


async def test_another_meeting_named_at_entry_is_told(room: Any, join: Any, kit: Any) -> None:
    entry = kit.ALLOWED | {"switchingRoomId": "mnop-qrst-uvwx"}
    room.scripts["requestEntry"] = kit.says({}, Notification("entryResponded", entry))
    async with join() as meeting:
        assert meeting.switching_room_id == "mnop-qrst-uvwx"


@pytest.mark.parametrize(
    ("method", "code", "error"),
    [
        ("getRouterRtpCapabilities", 4002, AuthError),
        ("createWebRtcTransport", 500, ServerError),
        ("requestEntry", 4008, AuthError),
        ("requestEntry", 403, AuthError),
        ("join", 4009, MeetingFull),
        ("join", 4005, DuplicateParticipant),
        ("join", 404, ProtocolMismatch),
    ],
)
async def test_a_refused_step_is_the_error(
    room: Any, join: Any, kit: Any, method: str, code: int, error: type[EdgemeetError]
) -> None:
    room.scripts[method] = kit.says(ErrorResponse(0, code, "no"))
    with pytest.raises(error):
        await join().__aenter__()
    await asyncio.wait_for(room.closed.wait(), 5)


@pytest.mark.parametrize("method", STEPS)
async def test_an_error_notification_before_the_end_of_the_join_is_the_error(
    room: Any, join: Any, kit: Any, method: str
) -> None:
    room.scripts[method] = kit.says(Notification("error", {"code": 4052, "message": "disabled"}))
    with pytest.raises(MeetingUnavailable) as caught:
        await join().__aenter__()
    assert caught.value.code == "meeting.disabled"


@pytest.mark.parametrize("method", STEPS)
async def test_a_close_request_before_the_end_of_the_join_is_the_error_and_is_answered(
    room: Any, join: Any, kit: Any, method: str
) -> None:
    room.scripts[method] = kit.says(Request(5, "close", {"reason": {"code": 1006, "message": "closed"}}))
    with pytest.raises(RoomClosed):
        await join().__aenter__()
    answer = await asyncio.wait_for(room.answers.get(), 5)
    assert answer.id == 5


@pytest.mark.parametrize("method", STEPS)
async def test_a_socket_that_goes_during_the_join(room: Any, join: Any, method: str) -> None:
    async def vanish(room: Any, request: Request) -> None:
        room.socket.transport.abort()

    room.scripts[method] = vanish
    with pytest.raises(SignalingLost):
        await join().__aenter__()


@pytest.mark.parametrize("method", [step for step in STEPS if step != "requestEntry"])
async def test_a_step_without_an_answer(room: Any, join: Any, kit: Any, method: str) -> None:
    room.scripts[method] = kit.silence
    with pytest.raises(ServerError, match=method) as caught:
        await join(RoomTimings(request=0.5)).__aenter__()
    assert caught.value.code == "server.no_answer"


async def test_all_steps_together_have_a_deadline(room: Any, kit: Any) -> None:
    room.scripts["join"] = kit.silence
    with pytest.raises(ServerError, match=r"within 0\.3 s"):
        await Meeting.join(
            InitConfig(signaling_url=room.url), kit.options(), on_event=lambda _: None, steps_timeout=0.3
        )
    await asyncio.wait_for(room.closed.wait(), 5)


@pytest.mark.parametrize(
    ("method", "data", "field"),
    [
        ("getRouterRtpCapabilities", {"codecs": [{"kind": "smell"}]}, "codecs.0"),
        ("createWebRtcTransport", {"id": "x"}, "iceParameters"),
        ("createWebRtcTransport", {}, "id"),
        ("join", {"peers": 5}, "peers"),
    ],
)
async def test_an_answer_that_makes_no_sense_names_the_field(
    room: Any, join: Any, kit: Any, method: str, data: Any, field: str
) -> None:
    room.scripts[method] = kit.says(data)
    with pytest.raises(ProtocolMismatch, match=field) as caught:
        await join().__aenter__()
    assert caught.value.code == "protocol.answer"
    assert method in str(caught.value)


async def test_a_cancelled_join_leaves_nothing_open(room: Any, join: Any, kit: Any) -> None:
    asked = asyncio.Event()

    async def wait(room: Any, request: Request) -> None:
        asked.set()

    room.scripts["requestEntry"] = wait
    task = asyncio.create_task(join().__aenter__())
    await asyncio.wait_for(asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(room.closed.wait(), 5)
    assert [other.get_name() for other in asyncio.all_tasks() if other.get_name() == "signaling"] == []


async def test_who_left_while_the_join_was_answered_is_not_in_the_roster(
    room: Any, join: Any, kit: Any
) -> None:
    peers = {
        "peers": [{"id": "a"}, {"id": "b", "displayName": "B"}, {"id": "device"}, "odd", {"name": "odd"}]
    }
    room.scripts["join"] = kit.says(
        Notification("peerClosed", {"peerId": "a"}), Notification("newPeer", {"id": "c"}), peers
    )
    async with join() as meeting:
        assert set(meeting.peers) == {Peer("b", "B"), Peer("c")}
