"""What a good server's answers become, and how much of them is read."""

import asyncio
import gzip
import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from rigging.web_server import WHAT, ask, listening, refused, says, sends

from edgemeet.errors import (
    ServerError,
)
from edgemeet.rest import exchange, new_client


async def test_an_answer_is_a_json_object_with_its_headers():
    date = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    answer = says({"token": "t"}, Date=format_datetime(date, usegmt=True), ETag='"7"', Retry_After="9")
    async with listening(answer) as url:
        reply = await ask(url)
    assert (reply.status, reply.body, reply.date) == (200, {"token": "t"}, date)
    assert (reply.etag, reply.retry_after) == ('"7"', 9.0)
    assert "'t'" not in repr(reply)


async def test_the_request_is_what_was_asked_for():
    seen = []

    async def answer(head, body, writer):
        seen.append((head.lower(), body))
        await says(b"", Set_Cookie="kept=no")(head, body, writer)

    async with listening(answer) as url, new_client() as client:
        for _ in range(2):
            reply = await exchange(
                client, "POST", f"{url}/a?b=c", what=WHAT, timeout=10, headers={"X-One": "1"}, json={"k": [1]}
            )
    assert reply.body == {}
    head, body = seen[1]
    assert head.startswith("post /a?b=c http/1.1\r\n")
    assert json.loads(body) == {"k": [1]}
    assert "x-one: 1" in head
    assert "user-agent: edgemeet/" in head
    assert "accept-encoding: identity" in head
    assert "cookie" not in head


@pytest.mark.parametrize("status", ["400 Bad", "401 No", "404 Lost", "410 Gone"])
async def test_a_refusal_is_an_answer(status):
    async with listening(says({"code": 4002}, status)) as url:
        reply = await ask(url)
    assert (reply.status, reply.body) == (int(status[:3]), {"code": 4002})


@pytest.mark.parametrize("content", [b"Unauthorized", b"<html>no</html>", b"[1]"])
async def test_a_refusal_needs_no_json(content):
    async with listening(says(content, "401 No")) as url:
        assert (await ask(url)).body == {}


@pytest.mark.parametrize(
    ("content", "headers", "phrase", "portal"),
    [
        (b"<html><title>Hotel</title>", {}, "a web page", True),
        (b"\n  <!DOCTYPE html>", {}, "a web page", True),
        (b"Log in first", {"Content_Type": "text/html; charset=utf-8"}, "a web page", True),
        (b"plain words", {}, "not JSON", False),
        (b'{"token": ', {}, "not JSON", False),
        (b"\xff\xfe\x00", {}, "not JSON", False),
        (b"[" * 100_000, {}, "not JSON", False),
        (b'{"n": ' + b"9" * 5000 + b"}", {}, "not JSON", False),
        (b'["a"]', {}, "a JSON list", False),
        (b'"token"', {}, "a JSON str", False),
        (b"null", {}, "a JSON NoneType", False),
    ],
)
async def test_what_is_no_json_object_is_told_apart(content, headers, phrase, portal):
    error = await refused(says(content, **headers), ServerError)
    assert error.code == "server.not_json"
    assert phrase in error.message
    assert ("captive portal" in (error.hint or "")) is portal


async def test_compressed_answers_are_not_unpacked():
    bomb = gzip.compress(b'{"a": "' + b"x" * 10_000_000 + b'"}')
    error = await refused(says(bomb, Content_Encoding="gzip"), ServerError)
    assert error.code == "server.not_json"


async def test_a_gigabyte_that_is_announced_is_not_read():
    error = await refused(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n{"), ServerError)
    assert error.code == "server.too_large"
    assert "262144 bytes" in error.message


async def test_an_endless_answer_is_cut_off_early():
    sent = 0
    cut_off = asyncio.Event()

    async def answer(head, body, writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while sent < 1_000_000_000:
                writer.write(b" " * 65_536)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            cut_off.set()
            raise

    async with listening(answer) as url:
        with pytest.raises(ServerError) as caught:
            await ask(url, timeout=30)
        async with asyncio.timeout(30):
            await cut_off.wait()
    assert caught.value.code == "server.too_large"
    assert sent < 64_000_000  # what the two sockets' buffers took


async def test_the_limit_is_the_callers():
    async with listening(says(b'{"a":1}')) as url:
        assert (await ask(url, limit=7)).body == {"a": 1}
    error = await refused(sends(b'HTTP/1.1 200 OK\r\n\r\n{"a":1}'), ServerError, limit=6)
    assert error.code == "server.too_large"
