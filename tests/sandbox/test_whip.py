"""WHIP on VideoSDK's paths: who is let in, what is answered, how a session ends."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr

from edgemeet.encoded import VideoEncoding
from edgemeet.ortc.parameters import DtlsFingerprint, DtlsParameters, IceCandidate, IceParameters
from edgemeet.ortc.sdp import LocalSide, Media, make_offer, read_answer
from edgemeet.sandbox import Sandbox, SandboxOptions, running_sandbox
from edgemeet.signaling.initconfig import IceServer

ROOM = "test-room-one"
SIDE = LocalSide(
    IceParameters(username_fragment="abcd", password=SecretStr("p" * 24)),
    (IceCandidate(foundation="1", priority=9, address="127.0.0.1", protocol="udp", port=9),),
    DtlsParameters(fingerprints=(DtlsFingerprint(algorithm="sha-256", value=":".join(["AA"] * 32)),)),
)
OFFER = make_offer([Media("audio")], SIDE, cname="door", random=random.Random(1))
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag"}


@pytest.fixture
async def here() -> AsyncIterator[tuple[Sandbox, httpx.AsyncClient]]:
    turn = IceServer(urls=("turn:127.0.0.1:9",), username="me", credential=SecretStr("it"))
    options = SandboxOptions(port=0, rooms=(ROOM,), ice_servers=(turn,))
    async with (
        running_sandbox(options) as (sandbox, address),
        httpx.AsyncClient(base_url=address.base_url, timeout=20) as client,
    ):
        yield sandbox, client


async def token(client: httpx.AsyncClient, **query: str) -> dict[str, str]:
    text = (await client.get("/get-token", params=query)).json()["token"]
    return {"Authorization": text}


async def post(client: httpx.AsyncClient, offer: str = OFFER.sdp, **changed: str) -> httpx.Response:
    query = {"roomId": ROOM, "participantId": "door", "displayName": "Front door"}
    headers = {**SDP, **await token(client), **changed}
    return await client.post("/v2/whip", params=query, content=offer, headers=headers)


async def test_an_offer_makes_a_participant_and_delete_takes_it_out(here) -> None:
    sandbox, client = here
    reply = await post(client)
    assert (reply.status_code, reply.headers["content-type"]) == (201, "application/sdp")
    answer = read_answer(reply.text, OFFER)
    assert answer.transport.ice_parameters.ice_lite
    assert 'rel="ice-server"; username="me"; credential="it"' in reply.headers["link"]
    peer = sandbox.peer(ROOM, "door")
    assert (peer.name, peer.joined, [p.kind for p in peer.producers.values()]) == (
        "Front door",
        True,
        ["audio"],
    )
    ended = await client.delete(reply.headers["location"], headers=await token(client))
    assert ended.status_code == 200
    assert sandbox.room(ROOM).peers == {}
    again = await client.delete(reply.headers["location"], headers=await token(client))
    assert again.status_code == 404


async def test_late_candidates_are_taken_and_a_restart_is_not(here) -> None:
    _, client = here
    reply = await post(client)
    url, headers = reply.headers["location"], {**FRAGMENT, **await token(client)}

    async def patch(content: str, **more: str) -> int:
        return (await client.patch(url, content=content, headers={**headers, **more})).status_code

    assert await patch("a=candidate:1 1 udp 9 127.0.0.1 9 typ host\r\n") == 204
    assert await patch("a=end-of-candidates\r\n", **{"If-Match": reply.headers["etag"]}) == 204
    assert await patch("a=end-of-candidates\r\n", **{"If-Match": '"another"'}) == 412
    assert await patch("a=ice-ufrag:new\r\n") == 501
    assert (await client.patch(url, content="", headers=await token(client))).status_code == 415


async def test_the_same_participant_again_ends_the_older_session(here) -> None:
    sandbox, client = here
    first = await post(client)
    older = sandbox.peer(ROOM, "door")
    second = await post(client)
    assert second.headers["location"] != first.headers["location"]
    assert older.gone
    assert sandbox.peer(ROOM, "door") is not older


@pytest.mark.parametrize(
    ("offer", "headers", "status"),
    [
        (OFFER.sdp, {"Authorization": ""}, 401),
        (OFFER.sdp, {"Authorization": "not.a.token"}, 400),
        (OFFER.sdp, {"Content-Type": "application/json"}, 415),
        ("", {}, 400),
        ("<html>", {}, 400),
        (OFFER.sdp.replace("opus", "PCMU"), {}, 400),
        ("v=0\r\n" * 20_000, {}, 413),
    ],
    ids=["no token", "bad token", "JSON", "nothing", "a page", "another codec", "too long"],
)
async def test_what_is_refused_leaves_nobody_behind(
    here, offer: str, headers: dict[str, str], status: int
) -> None:
    sandbox, client = here
    reply = await post(client, offer, **headers)
    assert reply.status_code == status, reply.text
    assert sandbox.room(ROOM).peers == {}


async def test_an_offer_that_fails_half_way_leaves_nobody_behind(here) -> None:
    sandbox, client = here
    layer = VideoEncoding(640, 360, 15, 400_000)
    offer = make_offer(
        [Media("audio"), Media("video", (layer,))], SIDE, cname="door", random=random.Random(1)
    )
    audio, video = (section.streams[0].ssrc for section in offer.sections)
    reply = await post(client, offer.sdp.replace(str(video), str(audio)))
    assert (reply.status_code, "in use" in reply.text) == (400, True)
    assert sandbox.room(ROOM).peers == {}
    assert (await post(client)).status_code == 201


async def test_who_must_ask_for_entry_cannot(here) -> None:
    sandbox, client = here
    reply = await post(client, **await token(client, permissions="ask_join"))
    assert reply.status_code == 403
    assert sandbox.room(ROOM).peers == {}


async def test_a_bearer_is_a_token_too(here) -> None:
    _, client = here
    bare = (await token(client))["Authorization"]
    assert (await post(client, Authorization=f"Bearer {bare}")).status_code == 201
