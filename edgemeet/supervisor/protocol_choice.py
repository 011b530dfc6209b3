"""Native signaling or WHIP: what `meeting.protocol = "auto"` decides. No I/O, and a clock that is given."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, Literal

from edgemeet.errors import EdgemeetError, ProtocolMismatch

logger = logging.getLogger(__name__)

WayIn = Literal["native", "whip"]
Protocol = Literal["native", "whip", "auto"]

# Native is the better way in: it is tried again after a day.
BACK_AFTER: Final = 86_400.0

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


class ProtocolChoice:
    """Which way the next session goes in.

    Args:
        protocol: as configured.
        after_failures: attempts that have to fail by the protocol's fault, without one that works between
            them, before the other way is taken.
        clock: seconds, monotonic.
    """

    def __init__(
        self, protocol: Protocol, *, after_failures: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._auto = protocol == "auto"
        self._way: WayIn = "whip" if protocol == "whip" else "native"
        self._after = after_failures
        self._clock = clock
        self._failures = 0
        self._since = clock()

    def choose(self) -> WayIn:
        """For the session that begins now. One that runs is never ended for another way in."""
        if self._auto and self._way == "whip" and self._clock() - self._since >= BACK_AFTER:
            logger.info("trying the native signaling again, after a day on WHIP")
            self.back()
        return self._way

    def worked(self) -> None:
        """The last session got in."""
        self._failures = 0

    def failed(self, error: EdgemeetError) -> None:
        """The last attempt did not get in."""
        if not self._auto or not is_protocols_fault(error):
            return
        self._failures += 1
        if self._failures < self._after:
            return
        before, self._way = self._way, "native" if self._way == "whip" else "whip"
        self._failures, self._since = 0, self._clock()
        logger.warning(
            "%d attempts over %s failed by the protocol's fault, the last with %s: trying %s",
            self._after,
            before,
            error.code,
            self._way,
        )

    def back(self) -> None:
        """To the native way in, if there is a choice: an operator says so."""
        if self._auto:
            self._way, self._failures, self._since = "native", 0, self._clock()
