"""Which layers somebody watches, as far as the server tells. Sans-I/O.

mediasoup and VideoSDK's wire tell a sender nothing about its viewers: scores are about what arrives at the
server. So every layer counts as watched until a hint says otherwise.
"""

from __future__ import annotations

# A viewer that comes back within this time, after a change of its window say, meets a running layer.
STOP_AFTER = 10.0


class Audience:
    """Layers in demand: one that nobody watches is given up after a while and returns at once."""

    def __init__(self, layers: int) -> None:
        self._unwatched_since: list[float | None] = [None] * layers

    def hint(self, layer: int, now: float, *, watched: bool) -> None:
        """The server says that somebody, or nobody, watches `layer`; a layer that is unknown is ignored."""
        if not 0 <= layer < len(self._unwatched_since):
            return
        if watched:
            self._unwatched_since[layer] = None
        elif self._unwatched_since[layer] is None:
            self._unwatched_since[layer] = now

    def wanted(self, now: float) -> tuple[bool, ...]:
        """Whether each layer is worth encoding."""
        return tuple(since is None or now - since < STOP_AFTER for since in self._unwatched_since)
