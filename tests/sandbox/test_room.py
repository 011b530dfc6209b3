"""Entry, the roster, eviction, and what hosts may do."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from edgemeet.sandbox import SandboxOptions
from edgemeet.sandbox.methods import METHODS

ROOM = "test-room-one"


async def test_peers_see_each_other_come_and_go(rig, eventually) -> None:
    one = await rig.participant("one")
    two = await rig.participant("two")
    assert one.entered["peers"] == []
    assert [peer["id"] for peer in two.entered["peers"]] == ["one"]
    await eventually(lambda: one.protoo.heard("newPeer"))
    assert one.protoo.heard("newPeer")[0]["displayName"] == "two"
    await two.close()
    await eventually(lambda: one.protoo.heard("peerClosed"))
    assert one.protoo.heard("peerClosed")[0]["reason"]["code"] == 1001
    await eventually(lambda: list(rig.sandbox.room(ROOM).peers) == ["one"])


async def test_asking_to_join(rig, eventually, refusal) -> None:
    host = await rig.participant("host")
    guest = await rig.connect("guest", permissions=["ask_join"])
    await guest.request("requestEntry", name="Guest")
    await eventually(lambda: host.protoo.heard("entryRequested"))
    asked = host.protoo.heard("entryRequested")[0]
    assert (asked["peerId"], asked["name"]) == ("guest", "Guest")
    with pytest.raises(refusal, match="403"):
        await guest.request("join", secret=guest.token)
    assert not guest.heard("entryResponded")
    await host.protoo.request("respondEntry", peerId="guest", decision="allowed")
    await eventually(lambda: guest.heard("entryResponded"))
    assert guest.heard("entryResponded")[0]["decision"] == "allowed"
    joined = await guest.request("join", secret=guest.token, displayName="Guest")
    assert [peer["id"] for peer in joined["peers"]] == ["host"]


async def test_denied_entry(rig, eventually, refusal) -> None:
    guest = await rig.connect("guest", permissions=["ask_join"])
    await guest.request("requestEntry", name="Guest")
    host = await rig.participant("host")  # comes later and still learns of it
    await eventually(lambda: host.protoo.heard("entryRequested"))
    await host.protoo.request("respondEntry", peerId="guest", decision="denied")
    await eventually(lambda: guest.heard("entryResponded"))
    assert guest.heard("entryResponded")[0]["decision"] == "denied"
    with pytest.raises(refusal, match="403"):
        await guest.request("join", secret=guest.token)


async def test_deny_next_denies_once(rig, eventually) -> None:
    rig.sandbox.deny_next(ROOM)
    first = await rig.connect("one")
    await first.request("requestEntry", name="One")
    await eventually(lambda: first.heard("entryResponded"))
    assert first.heard("entryResponded")[0]["decision"] == "denied"
    await rig.participant("two")


async def test_guests_decide_nothing(rig, refusal) -> None:
    await rig.participant("host")
    plain = await rig.participant("plain", permissions=["allow_join"])
    for method in ("respondEntry", "disableWebcam", "removePeer", "closeRoom"):
        with pytest.raises(refusal, match="403"):
            await plain.protoo.request(method, peerId="host", decision="allowed")


async def test_second_join_evicts_the_first(rig, eventually) -> None:
    watcher = await rig.participant("watcher")
    old = await rig.participant("cam")
    new = await rig.participant("cam")
    await eventually(lambda: old.protoo.closed)
    assert old.protoo.heard("error")[0]["code"] == 4005
    assert old.protoo.requests[-1] == (
        "close",
        {"reason": {"code": 1011, "message": old.protoo.requests[-1][1]["reason"]["message"]}},
    )
    assert old.protoo.closed.rcvd.code == 4000
    await eventually(lambda: len(watcher.protoo.heard("newPeer")) == 2)
    order = [name for name, _ in watcher.protoo.notifications if name in ("newPeer", "peerClosed")]
    assert order == ["newPeer", "peerClosed", "newPeer"]
    assert new.protoo.closed is None
    assert set(rig.sandbox.room(ROOM).peers) == {"watcher", "cam"}


@pytest.mark.parametrize("method", ["disableWebcam", "disablePeerWebcam"])
async def test_a_host_controls_another(rig, method, refusal) -> None:
    host, cam = await rig.participant("host"), await rig.participant("cam")
    await host.protoo.request(method, peerId="cam")
    assert cam.protoo.requests == [("disableWebcam", {"peerId": "host"})]
    cam.protoo.on_request = lambda method, data: 403
    with pytest.raises(refusal, match="403"):
        await host.protoo.request(method, peerId="cam")
    with pytest.raises(refusal, match="404"):
        await host.protoo.request(method, peerId="nobody")


async def test_a_host_controls_itself_without_a_deadlock(rig) -> None:
    host = await rig.participant("host")
    async with asyncio.timeout(3):
        await host.protoo.request("enableMic", peerId="host")


async def test_removing_and_closing(rig, eventually) -> None:
    host, cam, other = [await rig.participant(name) for name in ("host", "cam", "other")]
    await host.protoo.request("removePeer", peerId="cam")
    await eventually(lambda: cam.protoo.closed)
    assert cam.protoo.requests[-1][1]["reason"]["code"] == 1002
    await eventually(lambda: other.protoo.heard("peerClosed"))
    await host.protoo.request("closeRoom")
    await eventually(lambda: host.protoo.closed and other.protoo.closed)
    assert other.protoo.requests[-1][1]["reason"]["code"] == 1006
    again = await rig.participant("cam")
    assert again.entered["peers"] == []


async def test_pubsub(rig, eventually) -> None:
    one, two = await rig.participant("one"), await rig.participant("two")
    await one.protoo.request("pubsubPublish", topic="CHAT", message="before", options={"persist": True})
    kept = (await two.protoo.request("pubsubSubscribe", topic="CHAT"))["messages"]
    assert [message["message"] for message in kept] == ["before"]
    await one.protoo.request("pubsubPublish", topic="CHAT", message="now", payload={"n": 1})
    await one.protoo.request("pubsubPublish", topic="OTHER", message="elsewhere")
    await eventually(lambda: two.protoo.heard("pubsubMessage"))
    heard = two.protoo.heard("pubsubMessage")
    assert [(each["message"], each["senderId"], each["payload"]) for each in heard] == [
        ("now", "one", {"n": 1})
    ]


async def test_unknown_methods_and_bad_data_are_answered(rig, refusal) -> None:
    one = await rig.participant("one")
    with pytest.raises(refusal, match="404"):
        await one.protoo.request("makeCoffee")
    for method, data in [
        ("createWebRtcTransport", {"producing": True, "consuming": True}),
        ("connectWebRtcTransport", {"transportId": 7}),
        ("produce", {"transportId": "x", "kind": "smell"}),
        ("join", {"secret": "nonsense"}),
        ("restartIce", {"transportId": "x"}),
        ("setConsumerPreferredLayers", {"consumerId": "x", "spatialLayer": -1}),
        ("pubsubPublish", {"topic": "t", "message": "x" * 20_000}),
        ("produceData", {}),
    ]:
        with pytest.raises(refusal):
            await one.protoo.request(method, **data)
    await one.protoo.request("getTransportStats")


async def test_data_producers_are_taken(rig, refusal) -> None:
    one = await rig.participant("one")
    send = {"producing": True, "consuming": False}
    streams = {"OS": 1024, "MIS": 1024}
    transport = await one.protoo.request(
        "createWebRtcTransport", **send, sctpCapabilities={"numStreams": streams}
    )
    assert transport["sctpParameters"]["port"] == 5000
    label = {"label": "chat", "sctpStreamParameters": {"streamId": 1}}
    assert (await one.protoo.request("produceData", transportId=transport["id"], **label))["id"]
    with pytest.raises(refusal, match="404"):
        await one.protoo.request("produceData", transportId="another", **label)
    without = await one.protoo.request("createWebRtcTransport", **send)
    assert without["sctpParameters"] is None


async def test_kill_sockets_is_abrupt(rig, eventually) -> None:
    one = await rig.participant("one")
    assert rig.sandbox.kill_sockets() == 1
    await eventually(lambda: one.protoo.closed)
    assert one.protoo.closed.rcvd is None
    assert not one.protoo.requests
    await eventually(lambda: not rig.sandbox.room(ROOM).peers)


async def test_who_loses_the_websocket_may_stay_for_a_while(rig, eventually) -> None:
    rig.sandbox.lingering.seconds = 1.0
    watcher = await rig.participant("watcher")
    cam, orderly = await rig.participant("cam"), await rig.participant("orderly")
    cam.protoo.websocket.transport.abort()
    await orderly.protoo.close()
    room = rig.sandbox.room(ROOM)
    await eventually(lambda: "orderly" not in room.peers)
    await eventually(lambda: not room.peers["cam"].socket.is_open, "the lost websocket noticed")
    assert set(room.peers) == {"watcher", "cam"}
    await eventually(lambda: "cam" not in room.peers, "its time is up")
    await eventually(lambda: len(watcher.protoo.heard("peerClosed")) == 2, "the others are told")
    assert [each["peerId"] for each in watcher.protoo.heard("peerClosed")] == ["orderly", "cam"]


async def test_a_participant_that_lingers_is_evicted_by_its_next_join(rig, eventually) -> None:
    rig.sandbox.lingering.seconds = 600.0
    cam = await rig.participant("cam")
    ghost = rig.sandbox.peer(ROOM, "cam")
    cam.protoo.websocket.transport.abort()
    await eventually(lambda: not ghost.socket.is_open)
    assert not ghost.gone
    await rig.participant("cam")
    assert ghost.gone
    assert rig.sandbox.peer(ROOM, "cam") is not ghost
    await eventually(lambda: not ghost.transports, "what it held is freed")


async def test_admin_door(rig, make_rig, eventually) -> None:
    one = await rig.participant("one")
    async with rig.http() as http:
        assert (await http.post("/sandbox/nonsense", json={})).status_code == 404
        assert (await http.post("/sandbox/remove-peer", json={"room_id": "x"})).status_code == 404
        assert (await http.post("/sandbox/remove-peer", content="{}")).status_code == 415
        status = (await http.get("/sandbox/status")).json()
        assert [peer["id"] for peer in status["rooms"][0]["peers"]] == ["one"]
        done = await http.post("/sandbox/remove-peer", json={"room_id": ROOM, "peer_id": "one"})
        assert done.json()["done"]
    await eventually(lambda: one.protoo.closed)
    assert one.protoo.requests[-1][1]["reason"]["code"] == 1010
    async with make_rig(SandboxOptions(port=0)) as closed, closed.http() as http:
        assert (await http.post("/sandbox/kill-sockets", json={})).status_code in (404, 405)


async def test_strangers_pages_and_protocols_are_turned_away(rig) -> None:
    url = f"ws://127.0.0.1:{rig.address.port}/?roomId={ROOM}&peerId=x&secret={rig.sandbox.issuer.sign()}"
    with pytest.raises(InvalidStatus):
        await connect(url, subprotocols=["protoo"], origin="https://evil.example", proxy=None)
    with pytest.raises(InvalidStatus):
        await connect(url, proxy=None)


FRAMES = [
    "",
    "null",
    "[]",
    "{",
    '{"request": true}',
    '{"request": true, "id": -1, "method": "join", "data": {}}',
    '{"request": true, "id": 1e400, "method": "join"}',
    '{"request": true, "id": 1, "method": "join", "data": []}',
    "[" * 100_000,
    "\u0000",
    b"binary",
]


async def test_malformed_frames_close_the_socket(rig, eventually) -> None:
    bystander = await rig.participant("bystander")
    for frame in FRAMES:
        client = await rig.connect("bad")
        await client.websocket.send(frame)
        await eventually(lambda client=client: client.closed, repr(frame[:40]))
        assert client.closed.rcvd.code == 1007, frame[:40]
    await bystander.protoo.request("getRouterRtpCapabilities")


async def test_odd_answers_are_ignored(rig) -> None:
    one = await rig.participant("one")
    for frame in ('{"response": true, "id": "a-consumer-id", "ok": false}', '{"response": true, "id": 5}'):
        await one.protoo.websocket.send(frame)
    await one.protoo.request("getRouterRtpCapabilities")


async def test_random_frames_never_crash_it(rig) -> None:
    rng = random.Random(7)
    words = ["request", "response", "notification", "id", "method", "data", "join", "produce", "requestEntry"]
    methods = list(METHODS)

    def value(depth: int = 0) -> object:
        plain = [None, True, -1, 2**60, 0.5, "", "x" * 50, rng.choice(words)]
        if depth > 3 or rng.random() < 0.6:
            return rng.choice(plain)
        if rng.random() < 0.5:
            return [value(depth + 1) for _ in range(3)]
        keys = [
            "transportId",
            "peerId",
            "rtpParameters",
            "kind",
            "secret",
            "codecs",
            "dtlsParameters",
            "topic",
        ]
        return {rng.choice(keys): value(depth + 1) for _ in range(4)}

    bystander = await rig.participant("bystander")
    for _ in range(15):
        client = await rig.connect("bad")
        try:
            for number in range(40):
                data = value()
                frame = {"request": True, "id": number, "method": rng.choice(methods), "data": {"x": 1}}
                frame["data"] = data if isinstance(data, dict) else {rng.choice(words): data}
                if rng.random() < 0.05:
                    frame[rng.choice(words)] = value()
                client.answers[number] = asyncio.get_running_loop().create_future()
                await client.websocket.send(json.dumps(frame))
        except ConnectionClosed:
            pass
        await client.close()
    await bystander.protoo.request("getRouterRtpCapabilities")
