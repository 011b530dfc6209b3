"""The ICE-lite responder: who is answered, who is ignored, and that nothing from the network breaks it."""

from __future__ import annotations

import asyncio
import random
import socket

import pytest
from aioice import stun

from edgemeet.sandbox.sfu.ice import IceLite


@pytest.fixture
async def ice():
    media: list[bytes] = []
    responder = IceLite(on_media=media.append)
    responder.media = media
    await responder.open(["127.0.0.1"])
    yield responder
    await responder.close()


@pytest.fixture
def client(ice):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", ice.candidates[0].port))
        yield sock


def _request(ice, *, password: str | None = None, username: str | None = None, **attributes: object) -> bytes:
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={
            "USERNAME": username or f"{ice.parameters.username_fragment}:them",
            "ICE-CONTROLLING": 7,
            "PRIORITY": 1,
            **attributes,
        },
    )
    message.add_message_integrity((password or ice.parameters.password.get_secret_value()).encode())
    return bytes(message)


async def _answer(client: socket.socket) -> stun.Message:
    async with asyncio.timeout(5):
        return stun.parse_message(await asyncio.get_running_loop().sock_recv(client, 2048))


async def _nothing(ice, client: socket.socket) -> None:
    """No answer came before that to a good request sent afterwards."""
    good = _request(ice)
    client.send(good)
    assert (await _answer(client)).transaction_id == stun.parse_message(good).transaction_id


async def test_a_good_check_is_answered(ice, client) -> None:
    client.send(_request(ice, **{"USE-CANDIDATE": None}))
    answer = await _answer(client)
    assert answer.message_class == stun.Class.RESPONSE
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()
    assert answer.check_message_integrity(ice.parameters.password.get_secret_value().encode())
    assert ice.remote == client.getsockname()
    assert ice.state == "completed"


@pytest.mark.parametrize(
    "bad",
    [{"password": "wrong"}, {"username": "someone:them"}, {"username": "them"}],
)
async def test_a_bad_check_is_ignored(ice, client, bad) -> None:
    client.send(_request(ice, **bad))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.connect(client.getpeername())
        await _nothing(ice, other)
        assert ice.remote == other.getsockname()
    with pytest.raises(BlockingIOError):
        client.recv(2048)


async def test_a_controlled_client_learns_of_the_conflict(ice, client) -> None:
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={"USERNAME": f"{ice.parameters.username_fragment}:them", "ICE-CONTROLLED": 7},
    )
    message.add_message_integrity(ice.parameters.password.get_secret_value().encode())
    client.send(bytes(message))
    assert (await _answer(client)).attributes["ERROR-CODE"][0] == 487
    assert ice.remote is None


async def test_only_checked_addresses_bring_media(ice, client) -> None:
    client.send(b"\x80early")
    await _nothing(ice, client)
    client.send(b"\x80media")
    client.send(b"\x16\xfe\xfdhandshake")
    async with asyncio.timeout(5):
        assert await ice._recv() == b"\x16\xfe\xfdhandshake"
    assert ice.media == [b"\x80media"]


async def test_nomination_moves_the_path(ice, client) -> None:
    client.send(_request(ice, **{"USE-CANDIDATE": None}))
    await _answer(client)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.connect(client.getpeername())
        other.send(_request(ice))
        await _answer(other)
        assert ice.remote == client.getsockname()
        other.send(_request(ice, **{"USE-CANDIDATE": None}))
        await _answer(other)
        assert ice.remote == other.getsockname()


async def test_broken_datagrams_are_survived(ice, client, caplog) -> None:
    rng = random.Random(3)
    good = _request(ice)
    for _ in range(400):
        broken = bytearray(good)
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        client.send(bytes(broken[: rng.randrange(1, len(broken) + 1)]))
        client.send(rng.randbytes(rng.randrange(80)))
        for _ in range(4):  # the socket's buffer holds only some hundreds, and each turn reads one
            await asyncio.sleep(0)
    client.send(b"")
    while True:
        client.send(good)
        answer = await _answer(client)
        if answer.transaction_id == stun.parse_message(good).transaction_id:
            break
    assert not caplog.records  # asyncio would log what escaped


async def test_closing_wakes_whoever_waits() -> None:
    responder = IceLite(on_media=lambda data: None)
    await responder.open(["127.0.0.1"])
    waiting = asyncio.create_task(responder._recv())
    await asyncio.sleep(0)
    await responder.close()
    with pytest.raises(ConnectionError):
        await waiting
    with pytest.raises(ConnectionError):
        await responder._send(b"x")
    assert responder.state == "closed"
