from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edgemeet.rtc.datagrams import Datagrams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def sender() -> AsyncIterator[asyncio.DatagramTransport]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    yield transport
    transport.abort()
    await asyncio.sleep(0)


@pytest.fixture
def receiver() -> Any:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10)
        yield sock


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_packet_leaves_from_the_senders_own_address(
    sender: asyncio.DatagramTransport, receiver: socket.socket
) -> None:
    datagrams = Datagrams(sender, receiver.getsockname())
    datagrams.send(memoryview(b"-packet-")[1:-1])
    assert receiver.recvfrom(100) == (b"packet", sender.get_extra_info("sockname"))
    datagrams.close()


async def test_closing_gives_the_descriptor_back_and_leaves_the_sender_open(
    sender: asyncio.DatagramTransport, receiver: socket.socket
) -> None:
    before = descriptors()
    datagrams = Datagrams(sender, receiver.getsockname())
    assert descriptors() == before + 1
    datagrams.close()
    datagrams.close()
    assert descriptors() == before
    sender.sendto(b"still here", receiver.getsockname())
    assert receiver.recv(100) == b"still here"


async def test_what_the_kernel_refuses_is_told(sender: asyncio.DatagramTransport) -> None:
    datagrams = Datagrams(sender, ("255.255.255.255", 9))  # only a socket that asks for it may broadcast
    with pytest.raises(PermissionError):
        datagrams.send(b"packet")
    assert datagrams.backlog == 0
    datagrams.close()


async def test_what_the_kernel_has_no_room_for_is_kept_and_not_overtaken(tmp_path: Path) -> None:
    """Over loopback UDP always has room; a Unix socket that nobody reads has it for a few packets."""
    address = str(tmp_path / "receiver")
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, family=socket.AF_UNIX
    )
    received: list[int] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader:
        reader.bind(address)
        reader.setblocking(False)
        datagrams = Datagrams(transport, address)  # type: ignore[arg-type]  # a path, of this family
        number = 0
        while not datagrams.backlog:
            datagrams.send(number.to_bytes(4, "big"))
            number += 1
            assert number < 100_000
        received.append(int.from_bytes(reader.recv(100), "big"))  # there is room again, and one is kept
        for _ in range(20):
            datagrams.send(number.to_bytes(4, "big"))
            number += 1
        assert datagrams.backlog == 4 * 21
        async with asyncio.timeout(10):
            while len(received) < number:
                try:
                    received.append(int.from_bytes(reader.recv(100), "big"))
                except BlockingIOError:
                    await asyncio.sleep(0)
        assert received == list(range(number))
        assert datagrams.backlog == 0
        datagrams.send(b"once more")
        assert reader.recv(100) == b"once more"
        while not datagrams.backlog:
            datagrams.send(b"never read")
        datagrams.close()
        assert datagrams.backlog == 0
        await asyncio.sleep(0.01)  # nothing of it is left in the event loop, which would fail now
    transport.abort()
    await asyncio.sleep(0)


async def test_a_sender_that_is_no_socket_sends_itself() -> None:
    class Relay:
        sent: list[tuple[bytes, tuple[str, int]]] = []  # noqa: RUF012 - one test's

        def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
            self.sent.append((data, addr))

        def get_extra_info(self, name: str) -> None:
            return None

    relay = Relay()
    before = descriptors()
    datagrams = Datagrams(relay, ("192.0.2.1", 9))
    buffer = bytearray(b"first")
    datagrams.send(memoryview(buffer))
    buffer[:] = b"later"  # a relay sends after the next packet has taken the buffer
    assert relay.sent == [(b"first", ("192.0.2.1", 9))]
    assert datagrams.backlog == 0
    assert descriptors() == before
    datagrams.close()
