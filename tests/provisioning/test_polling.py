"""Polls: when, and what is made of them."""

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemeet.errors import NetworkError, RateLimited
from edgemeet.provisioning import Assignment, Polling
from edgemeet.provisioning.polling import pause


def said(meeting="one", poll_after=0.01, **more):
    return Assignment(
        **{"revoked": False, "name": "Door", "metadata": {}, "config": {}}
        | {"meeting": meeting, "poll_after": poll_after}
        | more
    )


class Asked:
    """Answers each poll with the next of `answers`, the last one for ever."""

    def __init__(self, first, *answers):
        self.word = first
        self.answers = list(answers)
        self.polls = 0

    def assignment(self):
        return self.word

    async def poll(self):
        self.polls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        self.word = answer
        return answer


class Heard:
    def __init__(self):
        self.news, self.admitted, self.answers = [], [], []
        self.polling = Polling(
            lambda before, now: self.news.append((before.meeting, now.meeting)),
            lambda now: self.admitted.append(now.meeting),
            lambda error, failures: self.answers.append((error.code if error else None, failures)),
            rng=random.Random(1),
        )


@pytest.fixture
async def heard():
    heard = Heard()
    task = asyncio.create_task(heard.polling.run())
    yield heard
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_nobody_is_polled_before_an_admission(heard):
    await asyncio.sleep(0.05)
    heard.polling.ask_now()
    await asyncio.sleep(0.05)
    assert heard.answers == []


async def test_another_meeting_is_told_once(heard):
    asked = Asked(said("one"), said("one"), said("two"))
    heard.polling.admitted(asked)
    await until(lambda: asked.polls >= 6)
    assert heard.news == [("one", "two")]
    assert heard.admitted == ["one"]


async def test_a_server_that_names_no_pause_is_not_polled(heard):
    asked = Asked(said(poll_after=None), said("two"))
    heard.polling.admitted(asked)
    await asyncio.sleep(0.1)
    assert asked.polls == 0
    heard.polling.ask_now()
    await until(lambda: heard.news)
    assert heard.news == [("one", "two")]


async def test_failures_are_counted_and_leave_what_was_said(heard):
    error = NetworkError("nothing there", code="network.refused")
    asked = Asked(said("one", poll_after=0.01), error, error, said("one"))
    heard.polling.admitted(asked)
    await until(lambda: asked.polls >= 4)
    assert heard.answers[:3] == [("network.refused", 1), ("network.refused", 2), (None, 0)]
    assert heard.news == []


async def test_who_admits_later_is_polled_instead(heard):
    first, second = Asked(said("one"), said("one")), Asked(said("two"), said("two"))
    heard.polling.admitted(first)
    await until(lambda: first.polls >= 2)
    heard.polling.admitted(second)
    await until(lambda: second.polls >= 2)
    seen = first.polls
    await until(lambda: second.polls >= 4)
    assert first.polls == seen
    assert heard.news == []


async def test_a_poll_that_an_admission_overtakes_is_forgotten(heard):
    gate = asyncio.Event()
    slow = Asked(said("one"), said("late"))
    real = slow.poll

    async def poll():
        await gate.wait()
        return await real()

    slow.poll = poll
    heard.polling.admitted(slow)
    await asyncio.sleep(0.05)
    heard.polling.admitted(Asked(said("two", poll_after=None), said("two")))
    gate.set()
    await until(lambda: slow.polls)
    await asyncio.sleep(0.05)
    assert heard.news == []


@given(st.floats(5, 86_400), st.integers(0, 50), st.none() | st.floats(0, 3600), st.floats(0, 1))
def test_the_pause_is_bounded(poll_after, failures, retry_after, draw):
    chosen = pause(poll_after, failures, retry_after, draw)
    if failures == 0:
        assert 0.8 * poll_after <= chosen <= poll_after, "within one poll is within what the server named"
    else:
        assert min(max(poll_after, retry_after or 0), 86_400) <= chosen <= 1.2 * 86_400


def test_a_fleet_spreads_out():
    rng = random.Random(7)
    chosen = [pause(60, 0, None, rng.random()) for _ in range(1000)]
    assert max(chosen) - min(chosen) > 10


def test_a_rate_limit_is_respected():
    assert pause(10, 1, RateLimited("slow down", retry_after=300).retry_after, 0.0) == 300
