"""A server on loopback that answers as a test says, and requests to it as the daemon makes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edgemeet.errors import EdgemeetError
from edgemeet.rest import Reply, exchange, new_client

E = TypeVar("E", bound=EdgemeetError)
WHAT = "the provisioning server"
Answer = Callable[[str, bytes, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(answer: Answer, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that hands each request's head and body to `answer(head, body, writer)`; gives its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")),
                0,
            )
            await answer(head, await reader.readexactly(length), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # cancelled only below; StreamReaderProtocol logs a task that ends as cancelled
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def says(
    content: bytes | dict[str, object] | list[object] = b"{}", status: str = "200 OK", **headers: str
) -> Answer:
    """An answer with these bytes; header names are written with _ for -."""
    if isinstance(content, dict | list):
        content = json.dumps(content).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return sends("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def sends(raw: bytes) -> Answer:
    """An answer that is these bytes, whatever they are."""

    async def answer(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return answer


async def ask(
    url: str,
    method: str = "GET",
    *,
    timeout: float = 10,
    ca_file: Path | None = None,
    client_cert: Path | None = None,
    **more: Any,
) -> Reply:
    """What a server answers; `more` is what `exchange` takes."""
    async with new_client(ca_file=ca_file, client_cert=client_cert) as client:
        return await exchange(client, method, url, what=WHAT, timeout=timeout, **more)


async def refused(answer: Answer, kind: type[E], *, tls: ssl.SSLContext | None = None, **more: Any) -> E:
    """The error of exactly this kind that an answer becomes."""
    async with listening(answer, tls=tls) as url:
        with pytest.raises(kind) as caught:
            await ask(url, **more)
    assert type(caught.value) is kind
    return caught.value


async def silence(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
    """No answer at all."""
    await asyncio.sleep(3600)
