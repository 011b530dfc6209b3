"""Loss of all streams of a path together, from the report blocks of each. Pure."""

from __future__ import annotations

from edgemeet.rtc.rtcp import ReportBlock

# Fewer packets than this say nothing: one lost of five is chance.
_ENOUGH = 20
# A jump of more than this is a stream that began anew, not packets that were sent.
_MOST = 10_000


class LossMeter:
    """Weighs each stream's fraction lost by the packets it stands for.

    Attributes:
        received: packets that have arrived in all, as far as reports tell.
    """

    def __init__(self) -> None:
        self._highest: dict[int, int] = {}
        self._expected = 0
        self._lost = 0.0
        self.received = 0.0

    def add(self, block: ReportBlock) -> None:
        """A report about one stream; its first one only says where counting begins."""
        before = self._highest.get(block.ssrc)
        self._highest[block.ssrc] = block.highest_sequence
        expected = 0 if before is None else block.highest_sequence - before
        if 0 < expected <= _MOST:
            self._expected += expected
            lost = expected * block.fraction_lost / 256
            self._lost += lost
            self.received += expected - lost

    def take(self) -> float | None:
        """The fraction lost since the last answer, 0 to 1; None while too little is known."""
        if self._expected < _ENOUGH:
            return None
        fraction = self._lost / self._expected
        self._expected, self._lost = 0, 0.0
        return fraction
