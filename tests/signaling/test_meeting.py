from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from edgemeet.errors import (
    AuthError,
    DuplicateParticipant,
    EdgemeetError,
    ProtocolMismatch,
    RemovedByHost,
    RoomClosed,
    ServerError,
    SignalingLost,
)
from edgemeet.ortc.parameters import DtlsFingerprint, DtlsParameters, RtpCodecParameters, RtpParameters
from edgemeet.signaling import (
    Meeting,
    MuteRequested,
    Peer,
    PeerJoined,
    PeerLeft,
    ProducerScore,
    RoomSwitchRequested,
    RoomTimings,
    ServerComplained,
    UnmuteRequested,
)
from edgemeet.signaling.protoo import ErrorResponse, Notification, Request, Response
from edgemeet.signaling.room import OUTGOING_FRAMES

QUICK = RoomTimings(ping_interval=0.2, ping_timeout=0.5, close=0.5)


async def ended(meeting: Meeting) -> EdgemeetError:
    async with asyncio.timeout(5):
        try:
            await meeting.wait_closed()
        except EdgemeetError as error:
            return error
    raise AssertionError("unreachable")


async def test_publishing(room: Any, join: Any) -> None:
    async with join() as meeting:
        await meeting.connect_transport(
            DtlsParameters(role="client", fingerprints=(DtlsFingerprint(algorithm="sha-256", value="AA"),))
        )
        parameters = RtpParameters(
            codecs=(RtpCodecParameters(mime_type="video/VP8", payload_type=101, clock_rate=90000),)
        )
        assert await meeting.produce("video", parameters, {"share": False}) == "producer-1"
        await meeting.pause_producer("producer-1")
        await meeting.resume_producer("producer-1")
        await meeting.close_producer("producer-1")
    connect, produce, *others = room.requests[4:]
    assert connect.method == "connectWebRtcTransport"
    assert connect.data == {
        "transportId": "transport-1",
        "dtlsParameters": {"role": "client", "fingerprints": [{"algorithm": "sha-256", "value": "AA"}]},
    }
    assert produce.method == "produce"
    assert produce.data["transportId"] == "transport-1"
    assert produce.data["kind"] == "video"
    assert produce.data["appData"] == {"share": False}
    assert produce.data["rtpParameters"]["codecs"][0]["payloadType"] == 101
    assert [(other.method, other.data) for other in others] == [
        ("pauseProducer", {"producerId": "producer-1"}),
        ("resumeProducer", {"producerId": "producer-1"}),
        ("closeProducer", {"producerId": "producer-1"}),
    ]


async def test_a_failed_transport_is_replaced(room: Any, join: Any, kit: Any) -> None:
    async with join() as meeting:
        room.scripts["createWebRtcTransport"] = kit.says(kit.TRANSPORT | {"id": "transport-2"})
        assert (await meeting.replace_transport()).id == "transport-2"
        assert meeting.transport.id == "transport-2"


async def test_a_producer_that_the_server_forgot_is_closed(room: Any, join: Any, kit: Any) -> None:
    room.scripts["closeProducer"] = kit.says(ErrorResponse(0, 500, "there is no producer p"))
    async with join() as meeting:
        await meeting.close_producer("p")
        await meeting.pause_producer("producer-1")
    assert room.methods[-2:] == ["closeProducer", "pauseProducer"]


async def test_a_producer_without_an_id(room: Any, join: Any, kit: Any) -> None:
    room.scripts["produce"] = kit.says({})
    async with join() as meeting:
        with pytest.raises(ProtocolMismatch, match="produce makes no sense at id"):
            await meeting.produce("audio", RtpParameters(codecs=()), {})


async def test_what_has_no_json_form_is_refused_before_it_is_sent(room: Any, join: Any) -> None:
    async with join() as meeting:
        with pytest.raises(ProtocolMismatch) as caught:
            await meeting.produce("audio", RtpParameters(codecs=()), {"gain": float("inf")})
        assert caught.value.code == "protocol.unsendable"
        assert await meeting.produce("audio", RtpParameters(codecs=()), {}) == "producer-1"


@pytest.mark.parametrize(
    ("method", "event"),
    [
        ("disableMic", MuteRequested("audio")),
        ("disableWebcam", MuteRequested("video")),
        ("enableMic", UnmuteRequested("audio")),
        ("enabledMic", UnmuteRequested("audio")),
        ("enableWebcam", UnmuteRequested("video")),
    ],
)
async def test_a_host_switches(room: Any, join: Any, method: str, event: object) -> None:
    async with join():
        assert await room.ask(method, {"peerId": "host"}, id_=9) == Response(9)
        assert await join.event() == event


async def test_every_other_request_is_answered(room: Any, join: Any) -> None:
    async with join() as meeting:
        consumer = await room.ask("newConsumer", {"id": "c"}, id_=1)
        assert consumer == ErrorResponse(1, 403, "this device does not receive")
        assert await room.ask("newDataConsumer", {"id": "d"}, id_=2) == Response(2)
        assert await room.ask("statsData", id_=3) == Response(3, {"peerId": "device", "statsData": {}})
        unknown = await room.ask("makeCoffee", {"sugar": 2}, id_=4)
        assert unknown == ErrorResponse(4, 501, "this device does not know the method")
        assert meeting.ignored == {"makeCoffee": 1}


async def test_the_roster_and_scores(room: Any, join: Any) -> None:
    async with join() as meeting:
        await room.send(Notification("newPeer", {"id": "new", "displayName": "New"}))
        assert await join.event() == PeerJoined(Peer("new", "New"))
        assert set(meeting.peers) == {Peer("other", "Other"), Peer("new", "New")}
        await room.send(Notification("peerClosed", {"peerId": "other", "reason": {"code": 1101}}))
        assert await join.event() == PeerLeft(Peer("other", "Other"))
        assert meeting.peers == (Peer("new", "New"),)
        score: Any = [{"encodingIdx": 0, "ssrc": 1, "score": 10}, {"encodingIdx": 1, "ssrc": 2, "score": 0}]
        await room.send(Notification("producerScore", {"producerId": "p", "score": score}))
        assert await join.event() == ProducerScore("p", (10, 0))


async def test_a_switch_of_rooms_is_told(room: Any, join: Any, kit: Any) -> None:
    async with join():
        await room.send(Notification("entryResponded", kit.ALLOWED | {"switchingRoomId": "elsewhere"}))
        assert await join.event() == RoomSwitchRequested("elsewhere")


async def test_unknown_and_senseless_notifications_are_counted(room: Any, join: Any) -> None:
    async with join() as meeting:
        for frame in (
            Notification("brandNew", {"a": 1}),
            Notification("brandNew"),
            '{"notification":true,"method":"listy","data":[1]}',
            Notification("newPeer", {"id": 5}),
            Notification("peerClosed"),
            Notification("entryResponded"),
            Notification("error", {"code": "what"}),
            Notification("activeSpeaker", {"peerId": None}),  # known and unused: not counted
            Notification("peerClosed", {"peerId": "never seen"}),
        ):
            await room.send(frame)
        await room.ask("statsData")
        assert meeting.ignored == {
            "brandNew": 2,
            "listy": 1,
            "newPeer": 1,
            "peerClosed": 1,
            "entryResponded": 1,
            "error": 1,
        }
        assert join.events == []


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ({"reason": {"code": 1011, "message": "elsewhere"}}, DuplicateParticipant),
        ({"reason": {"code": 1002}}, RemovedByHost),
        ({"reason": {"code": 1006, "message": "closed"}}, RoomClosed),
        ({"reason": {"code": 1007}}, SignalingLost),
        ({}, SignalingLost),
        ({"reason": "because"}, SignalingLost),
    ],
)
async def test_close_is_answered_and_ends_the_meeting(
    room: Any, join: Any, reason: Any, error: type[EdgemeetError]
) -> None:
    async with join() as meeting:
        assert await room.ask("close", reason, id_=6) == Response(6)
        assert type(await ended(meeting)) is error
    await asyncio.wait_for(room.closed.wait(), 5)


async def test_the_answer_to_close_is_sent_even_when_much_waits_before_it(
    room: Any, join: Any, kit: Any
) -> None:
    room.scripts["produce"] = kit.silence
    async with join(RoomTimings(close=10)) as meeting:
        room.socket.transport.pause_reading()
        filler = {"filler": "x" * 900_000}
        produce = meeting.produce
        waiting = [asyncio.create_task(produce("video", RtpParameters(codecs=()), filler)) for _ in range(20)]
        await room.send(Request(6, "close", {"reason": {"code": 1006}}))
        assert type(await ended(meeting)) is RoomClosed
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {RoomClosed}
        room.socket.transport.resume_reading()
        assert await asyncio.wait_for(room.answers.get(), 10) == Response(6)


async def test_a_duplicate_ends_the_meeting_even_if_the_socket_stays(room: Any, join: Any) -> None:
    async with join() as meeting:
        await room.send(Notification("error", {"code": 4005, "message": "joined from another device"}))
        assert type(await ended(meeting)) is DuplicateParticipant


async def test_other_errors_are_told_and_the_meeting_goes_on(room: Any, join: Any) -> None:
    async with join() as meeting:
        await room.send(Notification("error", {"code": 5000, "message": "oops"}))
        event = await join.event()
        assert isinstance(event, ServerComplained)
        assert type(event.error) is ServerError
        await meeting.pause_producer("p")


async def test_an_error_explains_the_close_after_it(room: Any, join: Any) -> None:
    async with join() as meeting:
        await room.send(Notification("error", {"code": 4002, "message": "token expired"}))
        await room.socket.close(4000)
        error = await ended(meeting)
        assert type(error) is AuthError
        with pytest.raises(AuthError):
            await meeting.pause_producer("p")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 4000, 4005, 4999])
async def test_a_close_code_is_told_and_not_interpreted(room: Any, join: Any, code: int) -> None:
    async with join() as meeting:
        await room.socket.close(code, "going down")
        error = await ended(meeting)
        assert type(error) is SignalingLost
        assert error.code == "signaling.closed_by_server"
        assert f"({code})" in str(error)
        assert "going down" in str(error)


async def test_a_killed_socket_fails_all_that_wait(room: Any, join: Any, kit: Any) -> None:
    room.scripts["produce"] = kit.silence
    async with join() as meeting:
        waiting = [
            asyncio.create_task(meeting.produce("audio", RtpParameters(codecs=()), {})) for _ in range(3)
        ]
        while room.methods.count("produce") < 3:
            await asyncio.sleep(0.01)
        room.socket.transport.abort()
        results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 5)
        assert [type(result) for result in results] == [SignalingLost] * 3
        assert type(await ended(meeting)) is SignalingLost
        with pytest.raises(SignalingLost):
            await meeting.close_producer("p")


async def test_all_that_wait_learn_why_the_meeting_ended(room: Any, join: Any, kit: Any) -> None:
    room.scripts["produce"] = kit.says(Request(3, "close", {"reason": {"code": 1011}}))
    async with join() as meeting:
        with pytest.raises(DuplicateParticipant):
            await meeting.produce("audio", RtpParameters(codecs=()), {})


async def test_a_half_open_socket_is_noticed(room: Any, join: Any) -> None:
    async with join(QUICK) as meeting:
        room.socket.transport.pause_reading()  # a dead path: it takes bytes and gives none back
        error = await ended(meeting)
        assert type(error) is SignalingLost
        assert error.code == "signaling.half_open"
        started = time.monotonic()
    assert time.monotonic() - started < 2


async def test_a_half_open_socket_with_a_full_send_buffer_is_noticed(room: Any, join: Any) -> None:
    async with join(QUICK) as meeting:
        room.socket.transport.pause_reading()
        filler = {"filler": "x" * 900_000}
        senders = [
            asyncio.create_task(meeting.produce("video", RtpParameters(codecs=()), filler)) for _ in range(30)
        ]
        error = await ended(meeting)
        assert error.code == "signaling.half_open"
        results = await asyncio.wait_for(asyncio.gather(*senders, return_exceptions=True), 5)
        assert {type(result) for result in results} == {SignalingLost}


async def test_pings_keep_a_quiet_meeting_and_measure_it(room: Any, join: Any) -> None:
    async with join(RoomTimings(ping_interval=0.05)) as meeting:
        async with asyncio.timeout(5):
            while meeting.round_trip is None:
                await asyncio.sleep(0.01)
        assert 0 < meeting.round_trip < 5
        await meeting.pause_producer("p")


async def test_what_is_not_taken_is_not_piled_up(room: Any, join: Any) -> None:
    async with join() as meeting:
        requests = [asyncio.create_task(meeting.pause_producer("p")) for _ in range(OUTGOING_FRAMES + 5)]
        results = await asyncio.gather(*requests, return_exceptions=True)
        refused = [result for result in results if result is not None]
        assert {getattr(result, "code", None) for result in refused} == {"signaling.congested"}
        await meeting.pause_producer("p")  # the rest was sent, and there is room again


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("garbage", "protocol.frame"),
        (b"binary", "protocol.frame"),
        ("[" * 50_000, "protocol.frame"),
        ('{"request":true,"id":true,"method":"m"}', "protocol.frame"),
        (
            json.dumps({"notification": True, "method": "m", "data": {"x": "y" * 2**20}}),
            "protocol.frame_too_large",
        ),
    ],
)
async def test_garbage_ends_the_session_and_no_more(
    room: Any, join: Any, frame: str | bytes, code: str
) -> None:
    async with join() as meeting:
        await room.send(frame)
        error = await ended(meeting)
        assert type(error) is ProtocolMismatch
        assert error.code == code
    await asyncio.wait_for(room.closed.wait(), 5)


async def test_bytes_that_are_no_websocket_end_the_session(room: Any, join: Any) -> None:
    async with join() as meeting:
        room.socket.transport.write(b"\xff\xff\xff\xff garbage")
        error = await ended(meeting)
        assert type(error) is ProtocolMismatch


async def test_answers_to_nothing_are_counted(room: Any, join: Any) -> None:
    async with join() as meeting:
        await room.send(Response(12345, {}))
        await room.send(ErrorResponse(12345, 4002, "no"))
        await room.ask("statsData")
        assert meeting._room.stray_answers == 2
        await meeting.pause_producer("p")


async def test_answers_may_come_in_any_order(room: Any, join: Any) -> None:
    held: list[Request] = []

    async def hold(room: Any, request: Request) -> None:
        held.append(request)
        if len(held) == 3:
            for one in reversed(held):
                app_data: Any = one.data["appData"]
                await room.send(Response(one.id, {"id": app_data["name"]}))

    room.scripts["produce"] = hold
    async with join() as meeting:
        ids = await asyncio.gather(
            *(meeting.produce("audio", RtpParameters(codecs=()), {"name": name}) for name in "abc")
        )
        assert ids == ["a", "b", "c"]


async def test_a_server_that_does_not_close_is_left_within_two_seconds(room: Any, join: Any) -> None:
    async with join() as meeting:
        room.socket.transport.pause_reading()
        started = time.monotonic()
        await meeting.leave()
        assert time.monotonic() - started < 2
        await meeting.leave()  # again


async def test_a_server_that_has_stopped_answering_gets_no_longer_than_it_is_given(
    room: Any, join: Any
) -> None:
    async with join(RoomTimings(close=60)) as meeting:
        room.socket.transport.pause_reading()
        started = time.monotonic()
        await meeting.leave(0.1)
        assert time.monotonic() - started < 10


async def test_a_cancelled_leave_still_frees_the_socket(room: Any, join: Any) -> None:
    async with join(RoomTimings(close=60)) as meeting:
        room.socket.transport.pause_reading()
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await meeting.leave()
        assert meeting._room._task.done()
        assert time.monotonic() - started < 5


async def test_a_fault_of_ours_is_not_swallowed(room: Any, kit: Any) -> None:
    join = kit.Joining(room)

    def broken(event: object) -> None:
        raise KeyError("ours")

    join.on_event = broken
    async with join() as meeting:
        await room.send(Notification("newPeer", {"id": "new"}))
        with pytest.raises(KeyError):
            await asyncio.wait_for(meeting.wait_closed(), 5)
