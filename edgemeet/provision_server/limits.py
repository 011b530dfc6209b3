"""What one worker bears: refused requests of one address, and requests under way."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_WINDOW: Final = 60.0  # seconds
_ADDRESSES: Final = 10_000  # remembered; the one that has been quiet longest is forgotten


class Failures:
    """Counts refused requests by address: codes and keys are not to be guessed at speed.

    Args:
        most: refused requests of one address in a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait(self, address: str, now: float) -> int | None:
        """Seconds for which an address is not heard; None when it may ask. ``now`` is monotonic."""
        began, count = self._seen.get(address, (now, 0))
        left = began + _WINDOW - now
        return max(1, int(left)) if count >= self._most and left > 0 else None

    def note(self, address: str, now: float) -> None:
        """A request of this address was refused."""
        began, count = self._seen.pop(address, (now, 0))
        fresh = now - began >= _WINDOW
        self._seen[address] = (now, 1) if fresh else (began, count + 1)
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
