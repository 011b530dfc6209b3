"""What was seen of a device while its network changed. Times are seconds, monotonic."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from edgemeet.control import Status


@dataclass(frozen=True)
class Sample:
    """The daemon's own view at one moment; rates are bits per second."""

    at: float
    sent: int  # bytes
    target: int
    available: int
    layers: int

    @classmethod
    def of(cls, status: Status, at: float) -> Sample | None:
        """None while no picture is published."""
        video = next((p for p in status.producers if p.kind == "video"), None)
        if video is None or status.transport is None:
            return None
        return cls(
            at=at,
            sent=status.transport.bytes_sent,
            target=sum(e.target_bitrate or 0 for e in video.encodings),
            available=status.transport.available_bitrate or 0,
            layers=sum(bool(e.target_bitrate) for e in video.encodings),
        )


@dataclass
class Record:
    """All that was seen, and what follows from it for a period."""

    samples: list[Sample] = field(default_factory=list)
    pictures: list[tuple[float, int]] = field(default_factory=list)  # when, and how wide

    def within(self, begin: float, end: float) -> list[Sample]:
        """The samples of a period."""
        return [sample for sample in self.samples if begin <= sample.at <= end]

    def trace(self) -> list[str]:
        """A line for each sample."""
        return [
            f"{after.at:.1f} {(after.sent - before.sent) * 8 / (after.at - before.at) / 1e3:5.0f} kb/s of "
            f"{after.available / 1e3:.0f}, target {after.target / 1e3:.0f} in {after.layers}, "
            f"{sum(before.at < at <= after.at for at, _ in self.pictures)} pictures"
            for before, after in itertools.pairwise(self.samples)
        ]

    def rate(self, begin: float, end: float) -> float:
        """Bits per second that the daemon sent."""
        within = self.within(begin, end)
        if len(within) < 2:
            return 0.0
        return (within[-1].sent - within[0].sent) * 8 / (within[-1].at - within[0].at)

    def settled(self, begin: float, end: float, most: float) -> float:
        """Seconds until what is sent stays below `most` bits per second, taken over about two seconds."""
        within = self.within(begin, end)
        over = [
            after.at
            for before, after in zip(within, within[4:], strict=False)
            if (after.sent - before.sent) * 8 / (after.at - before.at) > most
        ]
        return over[-1] - begin if over else 0.0

    def reached(self, begin: float, end: float, least: float) -> float | None:
        """Seconds until the target is at least this."""
        return next((s.at - begin for s in self.within(begin, end) if s.target >= least), None)

    def freeze(self, begin: float, end: float) -> float:
        """The longest time without a new picture."""
        times = [begin, *(at for at, _ in self.pictures if begin <= at <= end), end]
        return max(after - before for before, after in itertools.pairwise(times))

    def fps(self, begin: float, end: float) -> float:
        """Pictures per second."""
        return sum(begin <= at <= end for at, _ in self.pictures) / (end - begin)

    def widths(self, begin: float, end: float) -> tuple[int, ...]:
        """Widths of the pictures in their order, each once for as long as it stayed."""
        widths = (width for at, width in self.pictures if begin <= at <= end)
        return tuple(width for width, _ in itertools.groupby(widths))
