"""Tokens, the rooms API and init-config."""

from __future__ import annotations

import time

import jwt
import pytest

from edgemeet.sandbox import SandboxOptions
from edgemeet.signaling.initconfig import IceServer, decrypt_ice_servers

ROOM = "test-room-one"
CONFIG = "/infra/v1/meetings/server-init-config"


async def test_get_token_gives_a_short_lived_token(rig) -> None:
    async with rig.http() as http:
        reply = await http.get("/get-token", params={"participantId": "cam", "roomId": ROOM})
    claims = jwt.decode(reply.json()["token"], options={"verify_signature": False})
    assert claims["participantId"] == "cam"
    assert claims["roomId"] == ROOM
    assert claims["version"] == 2
    assert set(claims["permissions"]) == {"allow_join", "allow_mod"}
    assert claims["apikey"] == rig.sandbox.options.api_key
    assert 0 < claims["exp"] - time.time() <= 601


async def test_rooms_are_created_and_found(rig) -> None:
    header = {"Authorization": rig.sandbox.issuer.sign()}
    async with rig.http() as http:
        plain = (await http.post("/v2/rooms", headers=header)).json()
        custom = (await http.post("/v2/rooms", headers=header, json={"customRoomId": "my~room"})).json()
        again = (await http.post("/v2/rooms", headers=header, json={"customRoomId": "my~room"})).json()
        by_custom = await http.get("/v2/rooms/validate/my~room", headers=header)
        by_id = await http.get(f"/v2/rooms/validate/{plain['roomId']}", headers=header)
        unknown = await http.get("/v2/rooms/validate/none-such-room", headers=header)
    assert plain["roomId"].count("-") == 2
    assert custom["roomId"] == again["roomId"] == by_custom.json()["roomId"] != plain["roomId"]
    assert custom["customRoomId"] == "my~room"
    assert by_id.json()["roomId"] == plain["roomId"]
    assert (unknown.status_code, unknown.json()["error"]) == (400, "Room not found.")


async def test_sample_server_routes(rig) -> None:
    token = rig.sandbox.issuer.sign()
    async with rig.http() as http:
        made = (await http.post("/create-meeting/", json={"token": token, "region": "sg001"})).json()
        found = await http.post(f"/validate-meeting/{made['roomId']}", json={"token": token})
        bad = await http.post("/create-meeting/", json={"token": "x"})
    assert found.json()["roomId"] == made["roomId"]
    assert (bad.status_code, bad.json()["code"]) == (400, 4002)


@pytest.mark.parametrize("path", [CONFIG, "/infra/v1/meetings/init-config"])
async def test_init_config(make_rig, path) -> None:
    server = IceServer(urls=("turn:turn.example:3478",), username="u", credential="c")
    async with make_rig(SandboxOptions(port=0, rooms=(ROOM,), ice_servers=(server,))) as rig:
        header = {"Authorization": rig.sandbox.issuer.sign()}
        async with rig.http() as http:
            data = (await http.post(path, headers=header, json={"roomId": ROOM})).json()["data"]
        assert data["signalingUrl"] == f"ws://127.0.0.1:{rig.address.port}"
    assert decrypt_ice_servers(data["iceServers"]) == (server,)
    for part in ("logs", "traces"):
        assert set(data["observability"][part]) == {"enabled", "endPoint"}


def _forge(rig, **changes: object) -> str:
    options = rig.sandbox.options
    claims = {
        "apikey": options.api_key,
        "permissions": ["allow_join"],
        "version": 2,
        "exp": time.time() + 100,
        **changes,
    }
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, options.api_secret, "HS256")


BAD_CLAIMS = [
    ({"exp": 1000}, 4002),
    ({"exp": None}, 4002),
    ({"exp": "soon"}, 4002),
    ({"permissions": None}, 4002),
    ({"permissions": "allow_join"}, 4002),
    ({"apikey": "another"}, 4001),
    ({"permissions": []}, 4008),
    ({"permissions": ["ask_join", "allow_mod"]}, 4008),
    ({"permissions": ["ask_join", "allow_join"]}, 4008),
    ({"roomId": "another-room-id"}, 4022),
    ({"roles": ["crawler"]}, 4024),
]
MALFORMED = ["", "nonsense", "a.b.c", "é"]


async def test_bad_tokens_are_refused(rig, eventually) -> None:
    cases = [(_forge(rig, **changes), code, str(changes)) for changes, code in BAD_CLAIMS]
    cases += [(token, 4002, repr(token)) for token in MALFORMED]
    async with rig.http() as http:
        for token, code, what in cases:
            header = {b"Authorization": token.encode()}
            reply = await http.post(CONFIG, headers=header, json={"roomId": ROOM})
            assert (reply.status_code, reply.json()["code"]) == (400 if token else 401, code), what
            client = await rig.connect("cam", token=token)
            await eventually(lambda client=client: client.closed, what)
            assert client.heard("error")[0]["code"] == code, what
            assert client.closed.rcvd.code == 4000, what
    assert not rig.sandbox.room(ROOM).peers


async def test_forged_signature_is_refused(rig) -> None:
    token = jwt.encode({"apikey": "x", "permissions": ["allow_join"], "exp": 9e9}, "k" * 32, "HS256")
    unsigned = jwt.encode({"apikey": "x", "permissions": ["allow_join"], "exp": 9e9}, None, "none")
    async with rig.http() as http:
        for each in (token, unsigned):
            reply = await http.post(CONFIG, headers={"Authorization": each}, json={"roomId": ROOM})
            assert reply.json()["code"] == 4002


async def test_wrong_participant_and_unknown_room(rig, eventually) -> None:
    other = await rig.connect("cam", participant_id="another")
    nowhere = await rig.connect("cam", room="none-such-room")
    await eventually(lambda: other.closed and nowhere.closed)
    assert other.heard("error")[0]["code"] == 4023
    assert nowhere.heard("error")[0]["code"] == 4003


async def test_bad_bodies_are_refused(rig) -> None:
    header = {"Authorization": rig.sandbox.issuer.sign()}
    async with rig.http() as http:
        for body in (b"[]", b"{", b'{"roomId": 3}', b"\xff", b"[" * 60_000, b" " * 70_000):
            reply = await http.post(CONFIG, headers=header, content=body)
            assert 400 <= reply.status_code < 500, body[:20]
            assert reply.json()["error"], body[:20]


async def test_cors_only_for_loopback(rig) -> None:
    async with rig.http() as http:
        near = await http.get("/get-token", headers={"Origin": "http://localhost:5173"})
        far = await http.get("/get-token", headers={"Origin": "https://localhost.example.com"})
    assert near.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "access-control-allow-origin" not in far.headers


async def test_disabled_and_full_rooms(make_rig, eventually) -> None:
    async with make_rig(SandboxOptions(port=0, rooms=(ROOM,), max_peers=1)) as rig:
        await rig.participant("one")
        two = await rig.connect("two")
        await eventually(lambda: two.closed)
        assert two.heard("error")[0]["code"] == 4009
        rig.sandbox.disable_room(ROOM)
        three = await rig.connect("one")
        await eventually(lambda: three.closed)
        assert three.heard("error")[0]["code"] == 4052
