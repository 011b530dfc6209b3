"""The WHIP client against a real HTTP server that behaves and misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from edgemeet.errors import (
    AuthError,
    EdgemeetError,
    NetworkError,
    ProtocolMismatch,
    RateLimited,
    ServerError,
)
from edgemeet.rest import new_client
from edgemeet.signaling.whip import WhipResource, WhipTarget, videosdk_target
from edgemeet.signaling.whip.links import ice_servers

TOKEN = "a-token-that-nobody-may-see"
OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"
ANSWER = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\n"
SDP = ("Content-Type", "application/sdp")


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: str


@dataclass
class Server:
    """Answers by a function, and remembers what was asked."""

    answer: Callable[[Request], tuple[int, list[tuple[str, str]], str]]
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        tasks: set[asyncio.Task[None] | None] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.current_task())
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                    headers = {
                        name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
                    }
                    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
                    method, path, _ = head[0].split(" ")
                    self.requests.append(Request(method, path, headers, body))
                    status, extra, text = self.answer(self.requests[-1])
                    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text.encode())}"]
                    lines += [f"{name}: {value}" for name, value in extra]
                    writer.write("\r\n".join([*lines, "", text]).encode())
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.close()
                tasks.discard(asyncio.current_task())

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                if task is not None:
                    task.cancel()
            await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


def target(server: Server, path: str = "/whip/door") -> WhipTarget:
    return WhipTarget(url=server.url + path, authorization=f"Bearer {TOKEN}", secrets=(TOKEN,))


async def opened(server: Server, to: WhipTarget | None = None) -> WhipResource:
    async with new_client() as client:
        resource = await WhipResource.open(client, to or target(server), OFFER, timeout=20)
        await resource.trickle("a=candidate:1\r\n", timeout=20)
        await resource.close(timeout=20)
    return resource


async def refusal(*answer: object, to: WhipTarget | None = None) -> EdgemeetError:
    async with Server(lambda _: answer).running() as server:  # type: ignore[arg-type, return-value]
        with pytest.raises(EdgemeetError) as raised:
            await opened(server, to)
    assert TOKEN not in raised.value.message + str(raised.value.hint)
    return raised.value


async def test_an_offer_an_answer_and_an_end() -> None:
    def answer(request: Request) -> tuple[int, list[tuple[str, str]], str]:
        if request.method != "POST":
            return 200, [], ""
        return 201, [SDP, ("Location", "../resource/7"), ("ETag", '"abc"')], ANSWER

    async with Server(answer).running() as server:
        resource = await opened(server)
    assert resource.answer == ANSWER
    post, patch, delete = server.requests
    assert (post.method, post.path, post.body) == ("POST", "/whip/door", OFFER)
    assert post.headers["content-type"] == "application/sdp"
    assert (patch.method, patch.path) == ("PATCH", "/resource/7")
    assert patch.headers["if-match"] == '"abc"'
    assert patch.headers["content-type"] == "application/trickle-ice-sdpfrag"
    assert (delete.method, delete.path) == ("DELETE", "/resource/7")
    assert {each.headers["authorization"] for each in server.requests} == {f"Bearer {TOKEN}"}


async def test_candidates_go_only_where_the_server_takes_them() -> None:
    async with Server(lambda _: (201, [SDP, ("Location", "/r")], ANSWER)).running() as server:
        await opened(server)
    assert [each.method for each in server.requests] == ["POST", "DELETE"]


@pytest.mark.parametrize("status", [405, 412, 428, 501])
async def test_who_refuses_candidates_is_not_asked_again(status: int) -> None:
    def answer(request: Request) -> tuple[int, list[tuple[str, str]], str]:
        patches = ("Accept-Patch", "application/trickle-ice-sdpfrag")
        return (
            (status, [], "")
            if request.method == "PATCH"
            else (201, [SDP, ("Location", "/r"), patches], ANSWER)
        )

    async with Server(answer).running() as server, new_client() as client:
        resource = await WhipResource.open(client, target(server), OFFER, timeout=20)
        assert resource.trickles
        await resource.trickle("a=candidate:1\r\n", timeout=20)
        await resource.trickle("a=candidate:2\r\n", timeout=20)
        assert not resource.trickles
    assert [each.method for each in server.requests] == ["POST", "PATCH"]


PAGE = "<!doctype html><title>Log in</title>"
HTML = ("Content-Type", "text/html")
JSON = ("Content-Type", "application/json")
BAD = {
    "a login page": ((200, [HTML], PAGE), ServerError, "whip.not_sdp"),
    "a page that was created": ((201, [HTML, ("Location", "/r")], PAGE), ServerError, "whip.not_sdp"),
    "JSON": ((201, [JSON, ("Location", "/r")], "{}"), ProtocolMismatch, "whip.not_sdp"),
    "no Location": ((201, [SDP], ANSWER), ProtocolMismatch, "whip.no_location"),
    "mail": ((201, [SDP, ("Location", "mailto:a@b")], ANSWER), ProtocolMismatch, "whip.no_location"),
    "405": ((405, [], ""), ProtocolMismatch, "whip.method_not_allowed"),
    "501": ((501, [], ""), ServerError, "server.error"),
    "400": ((400, [HTML], "bad offer"), ProtocolMismatch, "whip.refused"),
    "406": ((406, [], ""), ProtocolMismatch, "whip.refused"),
    "415": ((415, [], ""), ProtocolMismatch, "whip.refused"),
    "401": ((401, [], ""), AuthError, "auth.refused"),
    "403": ((403, [HTML], "Unauthorized"), AuthError, "auth.refused"),
    "404": ((404, [], ""), ServerError, "server.wrong_path"),
    "VideoSDK's expired token": (
        (400, [JSON], '{"code": 4002, "error": "expired"}'),
        AuthError,
        "auth.token_refused",
    ),
    "429": ((429, [("Retry-After", "17")], ""), RateLimited, "server.rate_limited"),
    "503": ((503, [("Retry-After", "17")], ""), ServerError, "server.error"),
    "a redirection of another kind": ((302, [("Location", "/b")], ""), ServerError, "whip.redirected"),
    "a redirection to nowhere": ((307, [], ""), ServerError, "whip.redirected"),
    "a redirection in circles": ((307, [("Location", "/b")], ""), ServerError, "whip.redirected"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
async def test_a_bad_answer_is_told_by_its_code(name: str) -> None:
    answer, kind, code = BAD[name]
    error = await refusal(*answer)
    assert (type(error), error.code) == (kind, code), error.message
    if "17" in str(answer):
        assert error.retry_after == 17


async def test_what_the_server_says_is_quoted_without_the_token() -> None:
    error = await refusal(403, [HTML], f"Endpoint ID already in use by {TOKEN}")
    assert "Endpoint ID already in use" in error.message


async def test_nobody_there() -> None:
    async with new_client() as client:
        with pytest.raises(NetworkError):
            await WhipResource.open(client, WhipTarget("http://127.0.0.1:9/whip"), OFFER, timeout=20)


async def test_a_page_in_place_of_the_answer_gives_the_session_back() -> None:
    async with Server(lambda _: (201, [HTML, ("Location", "/r")], PAGE)).running() as server:
        with pytest.raises(ServerError):
            await opened(server)
    assert [(each.method, each.path) for each in server.requests] == [
        ("POST", "/whip/door"),
        ("DELETE", "/r"),
    ]


async def test_a_redirection_is_followed_with_the_offer() -> None:
    def answer(request: Request) -> tuple[int, list[tuple[str, str]], str]:
        if request.path == "/whip/door":
            return 307, [("Location", "/elsewhere")], ""
        return 201, [SDP, ("Location", "/r")], ANSWER

    async with Server(answer).running() as server:
        await opened(server)
    assert [each.path for each in server.requests] == ["/whip/door", "/elsewhere", "/r"]
    assert [each.body for each in server.requests] == [OFFER, OFFER, ""]
    assert all("authorization" in each.headers for each in server.requests)


async def test_credentials_go_to_the_first_origin_only() -> None:
    async with Server(lambda _: (201, [SDP, ("Location", "/r")], ANSWER)).running() as second:

        def answer(_: Request) -> tuple[int, list[tuple[str, str]], str]:
            return 307, [("Location", f"{second.url}/b")], ""

        async with Server(answer).running() as first:
            await opened(first)
    assert "authorization" in first.requests[0].headers
    assert [each.path for each in second.requests] == ["/b", "/r"]
    assert all("authorization" not in each.headers for each in second.requests)


async def test_credentials_do_not_follow_a_location_to_another_origin() -> None:
    async with Server(lambda _: (200, [], "")).running() as second:

        def answer(_: Request) -> tuple[int, list[tuple[str, str]], str]:
            return 201, [SDP, ("Location", f"{second.url}/r")], ANSWER

        async with Server(answer).running() as first:
            await opened(first)
    assert [each.method for each in second.requests] == ["DELETE"]
    assert "authorization" not in second.requests[0].headers


@pytest.mark.parametrize(
    "location",
    ["7f3a", "/v2/whip/sessions/7f3a", "/v2/whip/sessions/7f3a?participantId=door"],
    ids=["id", "path", "whole"],
)
async def test_videosdks_paths(location: str) -> None:
    async with Server(lambda _: (201, [SDP, ("Location", location)], ANSWER)).running() as server:
        to = videosdk_target(
            server.url, token=TOKEN, meeting_id="a-b-c", participant_id="door", name="Front door"
        )
        await opened(server, to)
    post, delete = server.requests
    assert post.path == "/v2/whip?roomId=a-b-c&participantId=door&displayName=Front+door"
    assert delete.path == "/v2/whip/sessions/7f3a?participantId=door"
    assert {each.headers["authorization"] for each in server.requests} == {TOKEN}, "no Bearer"
    assert TOKEN not in repr(to)


def test_ice_servers_of_a_link_header() -> None:
    servers = ice_servers(
        '<stun:stun.example.net>; rel="ice-server", <https://example.net/>; rel="next", '
        '<turn:turn.example.net?transport=tcp>; rel="ice-server"; username="us\\"er"; credential="a,b;c"; '
        'credential-type="password", <turns:t.example.net>;rel=ice-server'
    )
    assert [server.urls[0] for server in servers] == [
        "stun:stun.example.net",
        "turn:turn.example.net?transport=tcp",
        "turns:t.example.net",
    ]
    assert servers[1].username == 'us"er'
    assert servers[1].credential is not None
    assert servers[1].credential.get_secret_value() == "a,b;c"
    assert ice_servers("") == ()
    assert ice_servers("<<<>>>;;; rel=ice-server") == ()
