"""Certificates, and servers that speak no TLS."""

import asyncio
import gc
import time
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from rigging.authority import Authority
from rigging.web_server import ask, listening, refused, says, silence

from edgemeet.errors import (
    ClockError,
    NetworkError,
)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


async def test_a_known_authority_is_trusted(authority):
    async with listening(says({"a": 1}), tls=authority.server()) as url:
        assert (await ask(url, ca_file=authority.ca_file)).body == {"a": 1}


async def test_a_server_that_asks_for_a_certificate_gets_it(authority):
    async with listening(says({"a": 1}), tls=authority.server_that_asks()) as url:
        reply = await ask(url, ca_file=authority.ca_file, client_cert=authority.device())
    assert reply.body == {"a": 1}


@pytest.mark.parametrize("whose", ["nobody's", "a stranger's"])
async def test_without_its_certificate_a_server_that_asks_for_one_refuses(authority, tmp_path, whose):
    (tmp_path / "elsewhere").mkdir()
    shown = Authority(tmp_path / "elsewhere").device() if whose == "a stranger's" else None
    tls = authority.server_that_asks()
    error = await refused(says({"a": 1}), NetworkError, tls=tls, ca_file=authority.ca_file, client_cert=shown)
    # In TLS 1.3 the refusal comes after the handshake, and races with the end of the connection.
    assert error.code in {"network.tls", "network.broken"}


async def test_an_unknown_authority_is_not_trusted(authority):
    error = await refused(says(), NetworkError, tls=authority.server())
    assert error.code == "network.tls_untrusted"
    assert "ca_file" in error.hint


async def test_a_certificate_of_the_future_is_the_clocks_fault(authority):
    tls = authority.server(shift=timedelta(days=30))
    error = await refused(
        says(),
        ClockError,
        tls=tls,
        ca_file=authority.ca_file,
        wall_clock=lambda: datetime(1970, 1, 2, tzinfo=UTC),
    )
    assert error.code == "clock.behind"
    assert "1970-01-02" in error.message


async def test_a_certificate_of_the_past_may_be_the_servers_fault(authority):
    tls = authority.server(shift=timedelta(days=-30))
    error = await refused(says(), NetworkError, tls=tls, ca_file=authority.ca_file)
    assert error.code == "network.tls_expired"
    assert "clock" in error.hint


async def test_a_certificate_for_another_name(authority):
    tls = authority.server(address="192.0.2.1")
    error = await refused(says(), NetworkError, tls=tls, ca_file=authority.ca_file)
    assert error.code == "network.tls_wrong_name"


async def test_https_to_a_plain_port():
    def refuse(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        with pytest.raises(NetworkError) as caught:
            await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert caught.value.code == "network.tls"
    assert "https" in caught.value.hint


async def test_a_handshake_that_hangs_leaves_no_socket_behind():
    began = time.monotonic()
    async with listening(silence) as url:
        with pytest.raises(NetworkError) as caught:
            await ask(url.replace("http:", "https:"), timeout=0.4)
        assert caught.value.code == "network.timeout"
        assert time.monotonic() - began < 5
        del caught
        with warnings.catch_warnings(record=True, category=ResourceWarning) as leaks:
            gc.collect()
    assert leaks == []
