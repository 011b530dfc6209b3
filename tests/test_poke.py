from __future__ import annotations

import asyncio

import pytest

from edgemeet.poke import Poke


async def test_a_wait_ends_when_its_time_is_over() -> None:
    poke = Poke()
    async with asyncio.timeout(10):
        await poke.wait(0.01)
        await poke.wait(0)
        await poke.wait(-1)
    assert not poke.given


async def test_news_ends_a_wait_and_is_there_until_it_is_cleared() -> None:
    poke = Poke()
    waiting = asyncio.create_task(poke.wait(None))
    await asyncio.sleep(0)
    poke.give()
    async with asyncio.timeout(10):
        await waiting
        await poke.wait(3600)
    assert poke.given
    poke.clear()
    assert not poke.given
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(poke.wait(None), 0.01)


async def test_news_of_old_lets_others_run() -> None:
    poke = Poke()
    poke.give()
    ran = asyncio.create_task(asyncio.sleep(0))
    for _ in range(3):
        await poke.wait(3600)
    assert ran.done()


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    poke = Poke()
    waiting = asyncio.create_task(poke.wait(3600))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    poke.give()
    poke.clear()
    async with asyncio.timeout(10):
        await poke.wait(0.01)


async def test_a_wait_beside_ends_with_what_runs_and_does_not_end_it() -> None:
    poke = Poke()
    running = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10):
        await poke.wait_beside(running, 0.01)
        assert not running.done()
        waiting = asyncio.create_task(poke.wait_beside(running, 3600))
        await asyncio.sleep(0)
        poke.give()
        await waiting
        assert not running.done()
        poke.clear()
        waiting = asyncio.create_task(poke.wait_beside(running, 3600))
        await asyncio.sleep(0)
        running.set_result(None)
        await waiting
        await poke.wait_beside(running, 3600)
    assert not poke.given
