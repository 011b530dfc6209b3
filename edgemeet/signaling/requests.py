"""Which answer belongs to which request of ours. No I/O."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from edgemeet.signaling.faults import request_lost
from edgemeet.signaling.protoo import ErrorResponse, Response

MAX_REQUEST_ID: Final = 10_000_000  # the range protoo-client draws from


class PendingRequests:
    """Requests that wait for an answer.

    Attributes:
        stray_answers: how many answers came too late, twice, or to nothing that was asked.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._waiting: dict[int, asyncio.Future[Response | ErrorResponse]] = {}
        self.stray_answers = 0

    def open(self) -> tuple[int, asyncio.Future[Response | ErrorResponse]]:
        """An unused id, and what will be its answer. To be closed by whoever opened it."""
        while (id_ := self._rng.randrange(MAX_REQUEST_ID)) in self._waiting:
            pass
        answer: asyncio.Future[Response | ErrorResponse] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = answer
        return id_, answer

    def close(self, id_: int) -> None:
        """Nobody waits for this answer any more."""
        del self._waiting[id_]

    def answered(self, reply: Response | ErrorResponse) -> None:
        """Hand an answer to whoever waits for it."""
        answer = self._waiting.get(reply.id)
        if answer is None or answer.done():
            self.stray_answers += 1
        else:
            answer.set_result(reply)

    def fail(self) -> None:
        """No answer will come any more: all who wait get SignalingLost."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(request_lost())
