"""Real TCP on loopback."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from edgemeet.errors import Endpoint
from edgemeet.world import takes_connections


async def test_a_server_that_listens_is_reachable_and_hears_nothing() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await takes_connections(Endpoint("127.0.0.1", port), 5.0)
        assert await asyncio.wait_for(heard, 5) == b""


async def test_a_port_where_nobody_listens_is_not() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # without listening: connections are refused
        assert not await takes_connections(Endpoint("127.0.0.1", bound.getsockname()[1]), 5.0)


async def test_a_host_that_says_nothing_costs_the_time_allowed() -> None:
    """Its queue of connections is full, and the kernel drops what more comes."""
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(deaf.getsockname())
        await asyncio.sleep(0.1)
        began = time.monotonic()
        assert not await takes_connections(Endpoint("127.0.0.1", deaf.getsockname()[1]), 0.3)
        assert time.monotonic() - began < 3


async def test_a_name_that_there_is_not_is_not_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert not await takes_connections(Endpoint("a" * 70 + ".invalid", 443), 5.0), "no name at all"
    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # no test asks a real resolver
    assert not await takes_connections(Endpoint("nowhere.invalid", 443), 5.0)
