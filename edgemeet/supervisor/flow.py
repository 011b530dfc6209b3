"""Whether what is captured leaves: frames against packets. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """How far a capture and its producer have come.

    Attributes:
        frames: captured so far.
        packets: sent so far.
        flowing: the capture runs and the producer has an active encoding: packets are due.
    """

    frames: int
    packets: int
    flowing: bool


class FlowWatch:
    """For how long frames have been coming and no packets going."""

    def __init__(self) -> None:
        self._packets = -1
        self._frames = -1
        self._since: float | None = None

    def look(self, flow: Flow, now: float) -> float:
        """Seconds without a packet, although frames have come since, by what is so at `now`."""
        if self._since is None or not flow.flowing or flow.packets != self._packets:
            self._packets, self._frames = flow.packets, flow.frames
            self._since = now if flow.flowing else None
            return 0.0
        return now - self._since if flow.frames != self._frames else 0.0
