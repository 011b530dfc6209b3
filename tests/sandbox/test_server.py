"""Starting, stopping, and that nothing is left."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket

import pytest

from edgemeet.errors import ConfigError
from edgemeet.sandbox import SandboxAddress, SandboxOptions, serve

ROOM = "test-room-one"


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_it_serves_until_cancelled_and_leaves_nothing() -> None:
    before, tasks = _descriptors(), asyncio.all_tasks()
    ready: asyncio.Future[SandboxAddress] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(SandboxOptions(port=0), ready=ready.set_result))
    async with asyncio.timeout(10):
        address = await ready
    assert address.base_url == f"http://127.0.0.1:{address.port}"
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    serving.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await serving
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert asyncio.all_tasks() == tasks
    assert _descriptors() == before


async def test_a_taken_port_is_a_plain_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=str(port)) as caught:
            await serve(SandboxOptions(port=port))
    assert caught.value.code == "sandbox.address"


async def test_twenty_joins_leave_nothing(rig, bars, eventually) -> None:
    async def round_trip() -> None:
        sender = await rig.participant("sender")
        viewer = await rig.participant("viewer", receive=True)
        video = await sender.produce("video", [bars()])
        await eventually(lambda: video in viewer.offers)
        for participant in (sender, viewer):
            await participant.close()
        rig.clients.clear()
        await eventually(lambda: not rig.sandbox.room(ROOM).peers)
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)

    tasks = len(asyncio.all_tasks())
    await round_trip()
    gc.collect()
    descriptors = _descriptors()
    for _ in range(20):
        await round_trip()
    gc.collect()
    await eventually(lambda: _descriptors() <= descriptors)
    router = rig.sandbox.room(ROOM).router
    assert not router.producers
    assert not router.consumers
    assert not router._paths


async def test_a_stopping_sandbox_ends_no_meeting(make_rig, eventually) -> None:
    async with make_rig(SandboxOptions(port=0, rooms=(ROOM,))) as rig:
        one = await rig.participant("one")
        rig.clients.clear()
    await eventually(lambda: one.protoo.closed)
    assert not one.protoo.requests  # no `close`: participants shall come back
    await one.close()


async def test_the_token_is_in_no_log(rig, caplog) -> None:
    caplog.set_level(logging.INFO)
    one = await rig.participant("one")
    await one.close()
    assert one.protoo.token not in caplog.text
    assert rig.sandbox.options.api_secret not in repr(rig.sandbox.options)


async def test_the_page_is_served_and_nothing_beside_it(rig) -> None:
    async with rig.http() as http:
        assert (await http.get("/..%2f__init__.py")).status_code == 404
        assert (await http.get("/nothing.html")).status_code == 404


async def test_a_participant_that_takes_nothing_is_let_go(rig, eventually) -> None:
    one = await rig.participant("one")
    peer = rig.sandbox.peer(ROOM, "one")
    for _ in range(2000):
        peer.socket.notify("activeSpeaker", {"peerId": None})
    await eventually(lambda: one.protoo.closed)
    await eventually(lambda: not rig.sandbox.room(ROOM).peers)
