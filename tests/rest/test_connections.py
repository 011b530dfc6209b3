"""Where a connection goes, and servers that nobody reaches or that take their time."""

import asyncio
import socket
import time

import pytest
from rigging.web_server import WHAT, ask, listening, refused, says, silence

from edgemeet.errors import (
    Endpoint,
    NetworkError,
)
from edgemeet.rest import KEEP_IDLE, endpoint_of, exchange, new_client
from edgemeet.supervisor import DEFAULT_LIMITS


async def _drip(head, body, writer):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b" " * 500:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("answer", [_drip, silence])
async def test_the_deadline_is_for_all_of_it(answer):
    began = time.monotonic()
    error = await refused(answer, NetworkError, timeout=0.4)
    assert error.code == "network.timeout"
    assert "0.4 s" in error.message
    assert time.monotonic() - began < 5


async def test_a_connection_is_not_kept_for_long():
    """It may have been made from an address that is gone by the next request, and then nothing answers."""

    async def once(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await asyncio.Event().wait()

    async with listening(once) as url, new_client() as client:
        await exchange(client, "GET", url, what=WHAT, timeout=10)
        await asyncio.sleep(KEEP_IDLE + 0.5)
        await exchange(client, "GET", url, what=WHAT, timeout=10)


def test_a_connection_is_gone_before_a_device_that_lost_its_address_joins_anew():
    assert DEFAULT_LIMITS.stranded > KEEP_IDLE


async def test_nobody_accepts():
    """A full backlog: the connection hangs, as behind a firewall that drops."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            fillers.append(filler)
        try:
            with pytest.raises(NetworkError) as caught:
                await ask(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.4)
        finally:
            for filler in fillers:
                filler.close()
    assert caught.value.code == "network.timeout"


async def test_nothing_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        free_port = free.getsockname()[1]
        with pytest.raises(NetworkError) as caught:
            await ask(f"http://user:pass@127.0.0.1:{free_port}/a?key=hush")
    assert caught.value.code == "network.refused"
    assert caught.value.endpoint == Endpoint("127.0.0.1", free_port)
    assert "127.0.0.1" in str(caught.value)
    assert not any(part in str(caught.value) for part in ("pass", "hush", "user"))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
async def test_the_name_is_unknown(host):
    with pytest.raises(NetworkError) as caught:
        await ask(f"http://{host}")
    assert caught.value.code == "network.dns"
    assert caught.value.endpoint is None, "there is no host to try a connection to"
    assert host in caught.value.message


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://api.example/v2/x?token=hush", Endpoint("api.example", 443)),
        ("http://api.example/", Endpoint("api.example", 80)),
        ("wss://user:pass@room.example:8443/?secret=hush", Endpoint("room.example", 8443)),
        ("ws://[::1]:9/", Endpoint("::1", 9)),
        ("nonsense", None),
    ],
)
def test_where_a_connection_goes(url, endpoint):
    assert endpoint_of(url) == endpoint


def test_behind_a_proxy_no_connection_of_ours_would_tell(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "near.example")
    assert endpoint_of("https://far.example/") is None
    assert endpoint_of("https://near.example/") == Endpoint("near.example", 443)


async def test_a_proxy_that_refuses(monkeypatch):
    async with listening(says(b"", "403 Forbidden")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(NetworkError) as caught:
            await ask("https://elsewhere.invalid")
    assert caught.value.code == "network.proxy"
