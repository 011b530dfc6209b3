"""Whether what leaves over a path gets through: who acknowledges it, and who answers when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from edgemeet.rtc import EncodingStats, Progress, SendTransport

# Seconds that a media server lets pass between two reports on sound, when there are no pictures: mediasoup's
# MaxAudioIntervalMs of 5 s, stretched by up to a half (RFC 3550, 6.3.1).
AUDIO_REPORT_INTERVAL = 7.5


def report_age(encodings: Iterable[EncodingStats | Progress]) -> float | None:
    """Seconds since the latest report on any of them; None where nothing is to be acknowledged. Pure."""
    ages = [
        age
        for encoding in encodings
        # Before the first report comes, what counts is how long one has been due.
        if (age := encoding.last_report_age or encoding.first_packet_age) is not None
    ]
    return min(ages, default=None)


def unacknowledged(age: float | None, *, answered_ago: float | None, sound_only: bool) -> float | None:
    """For how many seconds packets have left that nobody acknowledged. Pure.

    Args:
        age: see `report_age`, of all producers.
        answered_ago: seconds since the path's other end answered a question, if it did.
        sound_only: there are no pictures, and reports come seldom: until one is due, an answer is as good.

    Returns:
        None where nothing is to be acknowledged.
    """
    if age is not None and sound_only and answered_ago is not None and age <= AUDIO_REPORT_INTERVAL:
        return min(age, answered_ago)
    return age


class Answers:
    """What the other end of one transport says when it is asked for a sign of life. Ended by `close`."""

    def __init__(self, transport: SendTransport, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._clock = clock
        self._answered_at: float | None = None
        self._asked_at: float | None = None
        self._asking: asyncio.Task[bool] | None = None

    async def ask(self, timeout: float) -> None:
        """Ask, wait for the answer for `timeout` seconds, and remember whether one came."""
        if self._asked_at is None:
            self._asked_at = self._clock()
        asking = self._asking = asyncio.create_task(self._transport.answers(timeout))
        try:
            await asyncio.wait([asking])
        finally:
            asking.cancel()
        if not asking.cancelled() and asking.result():
            self._answered_at, self._asked_at = self._clock(), None

    def unanswered(self) -> float | None:
        """For how many seconds the other end has been asked without an answer; None where it answered."""
        return None if self._asked_at is None else self._clock() - self._asked_at

    def answered_ago(self) -> float | None:
        """Seconds since the last answer; None where there was none."""
        return None if self._answered_at is None else self._clock() - self._answered_at

    async def close(self) -> None:
        """Take the question back: repeated on a transport that is gone it is an error of aioice's."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
