"""A path whose answers come late is a path."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, cast

import pytest

from edgemeet.errors import TransportFailed
from edgemeet.rtc import SendTransport, TransportState, aiortc_private
from edgemeet.rtc.ice import IcePath

if TYPE_CHECKING:
    from tests.rtc.conftest import Peer

LATE = 0.7  # seconds; aioice itself waits for half a second


class LateAnswers(asyncio.DatagramProtocol):
    """Stands before a peer; what comes back from it takes `delay` seconds, or for ever."""

    def __init__(self, peer_address: tuple[str, int]) -> None:
        self._peer_address = peer_address
        self._client: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport
        self.delay: float | None = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr != self._peer_address:
            self._client = addr
            self._transport.sendto(data, self._peer_address)
        elif self._client is not None and self.delay is not None:
            asyncio.get_running_loop().call_later(self.delay, self._transport.sendto, data, self._client)


@asynccontextmanager
async def late_path(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[LateAnswers, SendTransport]]:
    """A connected transport that asks for consent ten times a second, and gives up after 1.5 s without."""
    quick = partial(aiortc_private.keep_consent, interval=0.1, expiry=1.5)
    monkeypatch.setattr(aiortc_private, "keep_consent", quick)
    options = peer.options()
    (known,) = options.ice_candidates
    udp, late = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: LateAnswers((known.host, known.port)), local_addr=("127.0.0.1", 0)
    )
    moved = known.model_copy(update={"port": udp.get_extra_info("sockname")[1]})
    transport = SendTransport(options.model_copy(update={"ice_candidates": (moved,)}), ice_servers=())
    async with asyncio.TaskGroup() as group:
        group.create_task(peer.answer(transport))
        group.create_task(transport.connect(timeout=10))
    try:
        yield late, transport
    finally:
        await transport.close()
        udp.close()


async def test_late_answers_are_answers(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with late_path(peer, monkeypatch) as (late, transport):
        late.delay = LATE
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.wait_failed(), 4.5)
        assert transport.state is TransportState.CONNECTED


async def test_no_answers_end_the_path(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with late_path(peer, monkeypatch) as (late, transport):
        late.delay = None
        began = time.monotonic()
        with pytest.raises(TransportFailed):
            await asyncio.wait_for(transport.wait_failed(), 10)
        assert 1 < time.monotonic() - began < 5


async def test_it_is_in_place(peer: Peer) -> None:
    path = IcePath()
    path.use(peer.options(), ())
    assert path._gatherer._connection.query_consent.__module__ == "edgemeet.rtc.aiortc_private"
    await path.close(1)
