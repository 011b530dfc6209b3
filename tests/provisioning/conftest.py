"""A scriptable HTTP server on loopback, a client, and a mint for tokens."""

import asyncio
import contextlib
import json
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from rigging.environment import without_proxies

from edgemeet.rest import new_client

NOW = 1_780_000_000.0
SECRET = "a-signing-key-of-more-than-32-bytes-for-the-tests"


class Server:
    """Answers each request with the next of `answers`, the last one for ever; keeps what was asked.

    A body that is no bytes is sent as JSON. While it is `down`, it closes connections without a word.
    """

    def __init__(self):
        self.answers = []
        self.requests = []
        self.down = False

    async def __aenter__(self):
        self._tasks = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await asyncio.gather(*self._tasks)

    def answer(self, status, body, headers=None):
        self.answers.append((status, body, headers or {}))

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self._keep(first, headers, body)
            if not self.down:
                writer.write(self._next())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _keep(self, first, headers, body):
        method, target, _ = first.split()
        parts = urlsplit(target)
        self.requests.append(
            {
                "method": method,
                "path": parts.path,
                "target": target,
                "query": {name: values[0] for name, values in parse_qs(parts.query).items()},
                "headers": headers,
                "json": json.loads(body) if body else None,
            }
        )

    def _next(self):
        status, body, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
        lines += [
            f"{name}: {value}" for name, value in {"Date": formatdate(NOW, usegmt=True), **headers}.items()
        ]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + content


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    without_proxies(monkeypatch)


@pytest.fixture
async def server():
    async with Server() as server:
        yield server


@pytest.fixture
async def client():
    async with new_client() as client:
        yield client


@pytest.fixture
def new_server():
    """For tests that run their own event loop."""
    return Server


@pytest.fixture
def now():
    """The wall clock of these tests."""
    return lambda: NOW


@pytest.fixture
def mint():
    """Makes a token; a claim that is None is left out."""

    def mint(**claims):
        base = {"apikey": "key", "permissions": ["allow_join"], "iat": int(NOW) - 5, "exp": int(NOW) + 600}
        chosen = {name: value for name, value in {**base, **claims}.items() if value is not None}
        return jwt.encode(chosen, SECRET, algorithm="HS256")

    return mint
