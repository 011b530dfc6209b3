from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from edgemeet.errors import AuthError, EdgemeetError, MeetingUnavailable, ProtocolMismatch, ServerError
from edgemeet.signaling import IceServer, InitConfig, fetch_init_config
from edgemeet.signaling.initconfig import PATH, decrypt_ice_servers, encrypt_ice_servers, parse_init_config

# `PLAIN` made with OpenSSL from the vendor's constants, not with the code under test:
# openssl enc -aes-256-cbc -K <KEY in hex> -iv <IV in hex> -base64 -A
PLAIN = '[{"urls":["stun:stun.example.org"]},{"url":"turn:turn.example.org","username":"u","credential":"c"}]'
ENCRYPTED = (
    "j5VYyFgZ6HRCZGWuje3oI1CduqGfdv8Nnw8hc9MbSnP6Z/dc8M4gke/3r9fmxuzLRcoSdcqSa/2k"
    "SEwHFpOQbe8izwMaX1e+EYhccHgsSA4wOfOSf47BOdInR2Pu8KIMlekGPHOHuWQj3RDMFAoiRw=="
)

SERVERS = (
    IceServer(urls=("stun:stun.example.org",)),
    IceServer(urls=("turn:turn.example.org",), username="u", credential=SecretStr("c")),
)


def client(status: int, body: object, seen: list[httpx.Request] | None = None) -> httpx.AsyncClient:
    async def streamed() -> AsyncIterator[bytes]:
        yield json.dumps(body).encode()

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return httpx.Response(status, content=streamed(), headers={"content-type": "application/json"})

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def fetch(status: int, body: object, seen: list[httpx.Request] | None = None) -> InitConfig:
    async with client(status, body, seen) as http:
        return await fetch_init_config(
            http,
            api_url="https://api.example.org/",
            token="the-token-of-the-device",
            meeting_id="room",
            timeout=5,
        )


async def test_what_is_asked_and_what_comes_back() -> None:
    seen: list[httpx.Request] = []
    data = {"baseUrl": "signal.example.org:8443", "iceServers": ENCRYPTED, "observability": {"jwt": "x"}}
    init = await fetch(200, {"data": data}, seen)
    assert init.signaling_url == "wss://signal.example.org:8443"
    assert init.ice_servers == SERVERS
    (request,) = seen
    assert request.method == "POST"
    assert str(request.url) == "https://api.example.org" + PATH
    assert request.headers["authorization"] == "the-token-of-the-device"
    assert json.loads(request.content) == {"roomId": "room"}


def test_the_vendors_encryption_is_read_and_written() -> None:
    assert decrypt_ice_servers(ENCRYPTED) == SERVERS
    assert decrypt_ice_servers(encrypt_ice_servers(SERVERS)) == SERVERS


@given(
    st.lists(
        st.builds(
            IceServer,
            urls=st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=3).map(
                tuple
            ),
            username=st.none() | st.text(st.characters(codec="utf-8")),
            credential=st.none() | st.text(st.characters(codec="utf-8")).map(SecretStr),
        ),
        max_size=5,
    ).map(tuple)
)
def test_ice_servers_round_trip(servers: tuple[IceServer, ...]) -> None:
    assert decrypt_ice_servers(encrypt_ice_servers(servers)) == servers


@given(st.text(max_size=100) | st.binary(max_size=100).map(lambda raw: base64.b64encode(raw).decode()))
def test_nothing_but_a_mismatch_comes_out_of_garbage(text: str) -> None:
    with pytest.raises(ProtocolMismatch) as caught:
        decrypt_ice_servers(text)
    assert caught.value.code == "protocol.ice_servers"


def test_plain_urls_and_too_many_servers() -> None:
    many = encrypt_ice_servers([IceServer(urls=(f"stun:{n}",)) for n in range(100)])
    assert len(decrypt_ice_servers(many)) == 32


@pytest.mark.parametrize(
    ("data", "url"),
    [
        ({"baseUrl": "a.example.org"}, "wss://a.example.org"),
        ({"baseUrl": "[::1]:8080"}, "wss://[::1]:8080"),
        ({"baseUrl": "a", "signalingUrl": "ws://127.0.0.1:8089"}, "ws://127.0.0.1:8089"),
        ({"baseUrl": "a", "signalingUrl": "wss://b.example.org/sub/"}, "wss://b.example.org/sub"),
        ({"signalingUrl": "wss://b.example.org"}, "wss://b.example.org"),
        ({"baseUrl": "a.example.org", "signalingUrl": None}, "wss://a.example.org"),
        ({"baseUrl": "a.example.org", "signalingUrl": ""}, "wss://a.example.org"),
    ],
)
def test_where_the_signaling_is(data: Any, url: str) -> None:
    assert parse_init_config(data) == InitConfig(signaling_url=url)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({}, "baseUrl"),
        ({"baseUrl": 5}, "baseUrl"),
        ({"baseUrl": ""}, "baseUrl"),
        ({"baseUrl": "user@evil.example.org"}, "baseUrl"),
        ({"baseUrl": "a.example.org?x="}, "baseUrl"),
        ({"baseUrl": "a.example.org:port"}, "baseUrl"),
        ({"baseUrl": "a b"}, "baseUrl"),
        ({"baseUrl": "a", "signalingUrl": ["wss://b"]}, "signalingUrl"),
        ({"baseUrl": "a", "signalingUrl": "https://b"}, "signalingUrl"),
        ({"baseUrl": "a", "signalingUrl": "wss://b/?x=y"}, "signalingUrl"),
        ({"baseUrl": "a", "signalingUrl": "wss://b/#x"}, "signalingUrl"),
        ({"baseUrl": "a", "signalingUrl": "wss://b\r\nHost: c"}, "signalingUrl"),
        ({"baseUrl": "a", "iceServers": [{"urls": "stun:x"}]}, "iceServers"),
        ({"baseUrl": "a", "iceServers": "nonsense"}, "iceServers"),
    ],
)
def test_what_makes_no_sense_is_named(data: Any, names: str) -> None:
    with pytest.raises(ProtocolMismatch, match=names):
        parse_init_config(data)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "Token is expired", "code": 4002}, AuthError),
        (401, {"error": "no"}, AuthError),
        (403, {"code": "4052"}, MeetingUnavailable),
        (200, {"error": "Token is invalid", "code": 4002}, AuthError),
        (404, {}, ServerError),
        (500, {}, ServerError),
        (200, {}, ProtocolMismatch),
        (200, {"data": []}, ProtocolMismatch),
        (200, {"data": {}}, ProtocolMismatch),
    ],
)
async def test_refusals(status: int, body: object, error: type[EdgemeetError]) -> None:
    with pytest.raises(EdgemeetError) as caught:
        await fetch(status, body)
    assert type(caught.value) is error


async def test_a_refusal_that_repeats_the_token_is_blacked_out() -> None:
    with pytest.raises(AuthError) as caught:
        await fetch(401, {"error": "bad the-token-of-the-device here"})
    assert "the-token-of-the-device" not in str(caught.value)


def test_no_credentials_in_the_repr() -> None:
    init = InitConfig(
        signaling_url="wss://a",
        ice_servers=(IceServer(urls=("turn:x",), username="user-hush", credential=SecretStr("hush")),),
    )
    assert "hush" not in repr(init)
    assert "hush" not in str(init)
    assert "hush" not in repr(init.model_dump()["ice_servers"][0]["credential"])
