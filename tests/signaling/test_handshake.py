from __future__ import annotations

import asyncio
import http
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rigging.authority import Authority
from websockets.asyncio.server import serve

from edgemeet.errors import (
    AuthError,
    ClockError,
    EdgemeetError,
    Endpoint,
    MeetingUnavailable,
    NetworkError,
    ProtocolMismatch,
    RateLimited,
    ServerError,
)
from edgemeet.signaling.handshake import open_websocket

NO_PROXY = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NO_PROXY:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncIterator[str]:
    """Sends bytes and closes; with None, never says a word."""
    release = asyncio.Event()

    async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await release.wait()
        else:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve_client, "127.0.0.1", 0)
    async with server:
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            release.set()


async def failure(url: str, **kwargs: Any) -> EdgemeetError:
    arguments: dict[str, Any] = {"timeout": 5.0, "max_size": 2**20} | kwargs
    with pytest.raises(EdgemeetError) as caught:
        await open_websocket(url + "/?secret=hush-hush-hush", **arguments)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "code"),
    [
        (401, {}, "", AuthError, "auth.refused"),
        (403, {}, "who are you", AuthError, "auth.refused"),
        (400, {}, '{"code": 4002, "message": "expired"}', AuthError, "auth.token_refused"),
        (400, {}, '{"code": 4052}', MeetingUnavailable, "meeting.disabled"),
        (404, {}, "[]", ServerError, "server.wrong_path"),
        (429, {"Retry-After": "7"}, "", RateLimited, "server.rate_limited"),
        (429, {"Retry-After": "soon"}, "", RateLimited, "server.rate_limited"),
        (500, {}, "", ServerError, "server.error"),
        (503, {"Retry-After": "7"}, "busy", ServerError, "server.error"),
        (302, {"Location": "ws://127.0.0.1:1/"}, "", ServerError, "server.redirected"),
        (200, {}, "<html>log in</html>", ServerError, "server.no_websocket"),
    ],
)
async def test_refusals_of_the_upgrade(
    room: Any, status: int, headers: dict[str, str], body: str, error: type[EdgemeetError], code: str
) -> None:
    def refuse(connection: Any, request: Any) -> Any:
        response = connection.respond(http.HTTPStatus(status), body)
        response.headers.update(headers)
        return response

    room.upgrade = refuse
    caught = await failure(room.url)
    assert type(caught) is error
    assert caught.code == code
    assert caught.retry_after == (7.0 if headers.get("Retry-After") == "7" else None)


async def test_a_refusal_that_repeats_the_token_is_blacked_out(room: Any) -> None:
    room.upgrade = lambda connection, _: connection.respond(
        http.HTTPStatus.FORBIDDEN, '{"message": "bad token hush-hush-hush, sorry"}'
    )
    caught = await failure(room.url, hide=("hush-hush-hush",))
    assert "sorry" in str(caught)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", NetworkError, "network.broken"),
        (b"", NetworkError, "network.broken"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ServerError, "server.no_websocket"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", ServerError, "server.no_websocket"),
        (b"HTTP/1.1 101 x\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", NetworkError, "network.broken"),
    ],
)
async def test_who_answers_is_no_websocket(answer: bytes, error: type[EdgemeetError], code: str) -> None:
    async with raw_server(answer) as url:
        caught = await failure(url)
    assert type(caught) is error
    assert caught.code == code


async def test_who_never_answers() -> None:
    async with raw_server(None) as url:
        caught = await failure(url, timeout=0.2)
    assert caught.code == "network.timeout"


async def test_nobody_listens(unused_tcp_port: int) -> None:
    caught = await failure(f"ws://127.0.0.1:{unused_tcp_port}")
    assert type(caught) is NetworkError
    assert caught.code == "network.refused"
    assert caught.endpoint == Endpoint("127.0.0.1", unused_tcp_port)
    assert f"ws://127.0.0.1:{unused_tcp_port}" in str(caught)


async def test_a_name_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks a real resolver
    caught = await failure("ws://nowhere.invalid:1")
    assert caught.code == "network.dns"


@pytest.mark.parametrize("url", ["http://127.0.0.1", "ws://", "ws://127.0.0.1:port", "ws://[::1", "nonsense"])
async def test_what_is_no_websocket_url(url: str) -> None:
    caught = await failure(url)
    assert type(caught) is ProtocolMismatch
    assert caught.code == "protocol.signaling_url"


async def test_a_proxy_that_refuses_and_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "")
    async with raw_server(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as url:
        monkeypatch.setenv("http_proxy", url.replace("ws://", "http://user:pass-of-proxy@"))
        monkeypatch.setenv("https_proxy", url.replace("ws://", "http://user:pass-of-proxy@"))
        caught = await failure("ws://meeting.invalid")
    assert caught.code == "network.proxy"
    assert "pass-of-proxy" not in str(caught)


@asynccontextmanager
async def tls_server(context: ssl.SSLContext) -> AsyncIterator[str]:
    async def serve_client(connection: Any) -> None:
        await connection.wait_closed()

    async with serve(serve_client, "127.0.0.1", 0, ssl=context, subprotocols=["protoo"]) as server:  # type: ignore[list-item]  # a NewType of str
        yield f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("shift", "trusted", "error", "code"),
    [
        (timedelta(0), False, NetworkError, "network.tls_untrusted"),
        (-timedelta(days=3), True, NetworkError, "network.tls_expired"),
        (timedelta(days=3), True, ClockError, "clock.behind"),
    ],
)
async def test_certificates(
    tmp_path: Path,
    shift: timedelta,
    trusted: bool,
    error: type[EdgemeetError],
    code: str,
) -> None:
    authority = Authority(tmp_path)
    async with tls_server(authority.server(shift=shift)) as url:
        tls = ssl.create_default_context(cafile=authority.ca_file) if trusted else None
        caught = await failure(url, tls=tls)
    assert type(caught) is error
    assert caught.code == code


async def test_tls_that_is_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with tls_server(authority.server()) as url:
        tls = ssl.create_default_context(cafile=authority.ca_file)
        websocket = await open_websocket(url, timeout=5, max_size=1000, tls=tls)
        assert websocket.subprotocol == "protoo"
        await websocket.close()


async def test_tls_where_none_is_spoken() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n" * 10)
        await writer.drain()
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        caught = await failure(f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert caught.code == "network.tls"


async def test_a_cancelled_handshake_leaves_no_socket() -> None:
    async with raw_server(None) as url:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await open_websocket(url, timeout=60, max_size=1000)
