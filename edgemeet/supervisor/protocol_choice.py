"""Native signaling or WHIP: what `meeting.protocol = "auto"` decides. No I/O, and a clock that is given."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from edgemeet.errors import EdgemeetError, ProtocolMismatch

logger = logging.getLogger(__name__)

WayIn = Literal["native", "whip"]
Protocol = Literal["native", "whip", "auto"]

_PROTOCOL_CODES: Final = frozenset(
    {
        "server.no_answer",  # requests that get no answer
        "server.request_refused",
        "server.wrong_path",  # nothing where the API used to be
        "server.redirected",
        "server.no_websocket",
        "signaling.closed_by_server",
        "signaling.closed",
    }
)


def is_protocols_fault(error: EdgemeetError) -> bool:
    """Whether another way in may help: not with the network, the token, the clock or a host's decision."""
    return isinstance(error, ProtocolMismatch) or error.code in _PROTOCOL_CODES


@dataclass(frozen=True, slots=True)
class Fallback:
    """Why the native way in is not taken, although it may be.

    Attributes:
        error: what the last attempt over it failed with.
        attempts: how many failed before it was left.
    """

    error: EdgemeetError
    attempts: int


class ProtocolChoice:
    """Which way the next session goes in.

    Args:
        protocol: as configured.
        after_failures: attempts that have to fail by the protocol's fault, without one that works between
            them, before the other way is taken.
        back_after: seconds over WHIP after which the native way is tried again. It has one attempt then: a
            device does not stay out for all of them once a day.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        after_failures: int,
        back_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._auto = protocol == "auto"
        self._way: WayIn = "whip" if protocol == "whip" else "native"
        self._after = after_failures
        self._back_after = back_after
        self._clock = clock
        self._failures = 0
        self._allowed = after_failures
        self._since = clock()
        self._fallback: Fallback | None = None

    @property
    def fallback(self) -> Fallback | None:
        """Set while WHIP is taken because the native way failed."""
        return self._fallback

    @property
    def way(self) -> WayIn:
        """The one that was chosen last, or that a failure has made the next."""
        return self._way

    def choose(self) -> WayIn:
        """For the session that begins now. One that runs is never ended for another way in."""
        if self._fallback is not None and self._clock() - self._since >= self._back_after:
            logger.info("trying the native signaling again, after %.0f s over WHIP", self._back_after)
            self.back()
            self._allowed = 1
        return self._way

    def worked(self) -> None:
        """The last session got in."""
        self._failures, self._allowed = 0, self._after

    def failed(self, error: EdgemeetError) -> bool:
        """The last attempt did not get in; True where the other way is to be taken from now on."""
        if not self._auto or not is_protocols_fault(error):
            return False
        self._failures += 1
        if self._failures < self._allowed:
            return False
        before, self._way = self._way, _other(self._way)
        logger.warning(
            "%d attempts over %s failed by the protocol's fault, the last with %s: trying %s",
            self._failures,
            before,
            error.code,
            self._way,
        )
        self._fallback = Fallback(error, self._failures) if self._way == "whip" else None
        self._failures, self._allowed, self._since = 0, self._after, self._clock()
        return True

    def back(self) -> None:
        """To the native way in, if there is a choice: an operator says so."""
        if self._auto:
            self._way, self._fallback = "native", None
            self._failures, self._allowed, self._since = 0, self._after, self._clock()


def _other(way: WayIn) -> WayIn:
    return "native" if way == "whip" else "whip"
