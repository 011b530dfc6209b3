"""What an operator reads when the other side is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import jwt
import pytest

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
KEY = "a key that is long enough for HS256 to be content"


def http(status: int, body: bytes, kind: str = "application/json") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    return answer


async def endless(writer: asyncio.StreamWriter) -> None:
    """A gigabyte of JSON, unless somebody hangs up."""
    writer.write(
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000000\r\n\r\n{"a":"'
    )
    for _ in range(1000):
        writer.write(b"x" * 1_000_000)
        await writer.drain()


async def nothing(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(20)


def token(**claims: object) -> Answer:
    signed = jwt.encode({"apikey": "k", **claims}, KEY, algorithm="HS256")
    return http(200, json.dumps({"token": signed}).encode())


@asynccontextmanager
async def provisioning(answer: Answer) -> AsyncIterator[str]:
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        busy.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            busy.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/get-token"
    finally:
        server.close()
        for task in tuple(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        pytest.param(http(401, b"{}"), "auth.refused", "refuses access", id="401"),
        pytest.param(http(500, b"{}"), "server.error", "500", id="500"),
        pytest.param(http(200, b"<html>log in</html>", "text/html"), "server.not_json", "", id="html"),
        pytest.param(endless, "server.too_large", "", id="1 GB"),
        pytest.param(nothing, "network.timeout", "", id="nothing"),
        pytest.param(http(200, b'{"token": "abc"}'), "auth.token_not_jwt", "JSON Web Token", id="no JWT"),
        pytest.param(token(exp=1_600_000_000), "auth.token_expired", "expired", id="expired"),
        pytest.param(http(200, b"{}"), "server.bad_answer", "token", id="no token"),
    ],
)
async def test_a_provisioning_server_that_is_wrong(
    sandbox: Any, start_device: Any, answer: Answer, code: str, said: str
) -> None:
    async with provisioning(answer) as url:
        device = await start_device(sandbox.url, token_url=url)
        status = await device.expect_problem(code)
        message = status.health[0].message
        assert said in message
        await device.expect(lambda s: s.state == "waiting")  # the first pause is over in a tenth of a second
        await device.stop()
    assert await sandbox.participants() == {}


async def test_a_token_without_expiry_is_used(sandbox: Any, start_device: Any) -> None:
    """It is VideoSDK that decides; here the sandbox refuses it, because it did not sign it."""
    async with provisioning(token()) as url:
        device = await start_device(sandbox.url, token_url=url)
        status = await device.expect(lambda s: bool(s.health))
        assert status.health[0].code.startswith("auth.")
        assert status.token is None or status.token.expires_at is None
        await device.stop()


async def test_an_unknown_meeting(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_MEETING__ID="nobo-dyha-sthis")
    await device.expect_problem("meeting.invalid_id")


async def test_a_malformed_meeting_id_ends_the_daemon(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url, EDGEMEET_MEETING__ID="no such thing")
    assert await asyncio.wait_for(device.process.wait(), 20) == 78
    assert "EDGEMEET_MEETING__ID" in device.log


async def test_entry_denied(sandbox: Any, start_device: Any) -> None:
    await sandbox.order("deny-next", room_id="abcd-efgh-ijkl", count=100)
    device = await start_device(sandbox.url)
    status = await device.expect_problem("meeting.entry_denied")
    assert "host" in status.health[0].message


async def test_a_closed_room(sandbox: Any, start_device: Any) -> None:
    device = await start_device(sandbox.url)
    await sandbox.expect_media()
    await sandbox.order("close-room", room_id="abcd-efgh-ijkl")
    status = await device.expect_problem("evicted.room_closed")
    assert status.state == "waiting"
