"""What is done to the network, and the figures of what was seen then."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from uplink.stage import Stage

# What is sent, with headers of all layers but the link's, against what the limit counts.
_TOLERANCE = 1.1
# The share of the target that must be there again, and how long is watched then: viewers still change layers.
_RECOVERED = 0.8
_WATCHED_AFTER = 6.0


@dataclass(frozen=True)
class Seen:
    """One period: bits per second sent, pictures per second, widths, the longest time without a picture."""

    rate: float
    fps: float
    widths: tuple[int, ...]
    freeze: float

    @classmethod
    def of(cls, stage: Stage, period: tuple[float, float], *, settled: float = 0.0) -> Seen:
        """The rate is taken from `settled` seconds after the beginning on."""
        record = stage.record
        return cls(
            rate=record.rate(period[0] + settled, period[1]),
            fps=record.fps(*period),
            widths=record.widths(*period),
            freeze=record.freeze(*period),
        )

    def __str__(self) -> str:
        widths = ">".join(map(str, self.widths))
        return f"{self.rate / 1e3:.0f} kb/s, {self.fps:.1f} fps, width {widths}, freeze {self.freeze:.2f} s"


@dataclass(frozen=True)
class RateCut:
    """Before a cut, during it, and after it.

    Attributes:
        followed: seconds after the cut until what was sent fitted.
        target: bits per second that encoders aimed at before.
        recovered: seconds until they aim at four fifths of it again; None if they never did.
    """

    before: Seen
    cut: Seen
    after: Seen
    followed: float
    target: int
    recovered: float | None

    def __str__(self) -> str:
        recovered = "never" if self.recovered is None else f"{self.recovered:.1f} s"
        return (
            f"before: {self.before}\ncut:    {self.cut}, followed after {self.followed:.1f} s\n"
            f"after:  {self.after}, 80 % of the target after {recovered}"
        )


async def rate_cut(
    stage: Stage, kilobits: int = 300, *, seconds: float = 22, recovery: float = 80, quiet: float = 8
) -> RateCut:
    """A cut to `kilobits` a second, and back; watched until all is well, for `recovery` seconds at most."""
    before = await stage.period(quiet)
    target = max(sample.target for sample in stage.record.samples)
    stage.link.limit(kilobits)
    cut = await stage.period(seconds)
    stage.link.limit(None)
    record = stage.record
    begin = time.monotonic()
    while time.monotonic() - begin < recovery and record.samples[-1].target < _RECOVERED * target:
        await asyncio.sleep(0.5)
    _, end = await stage.period(_WATCHED_AFTER)
    after = (begin, end)
    await stage.seen()
    return RateCut(
        before=Seen.of(stage, before),
        cut=Seen.of(stage, cut, settled=seconds / 2),
        after=Seen.of(stage, after, settled=end - begin - _WATCHED_AFTER + 1),
        followed=record.settled(*cut, kilobits * 1000 * _TOLERANCE),
        target=target,
        recovered=record.reached(*after, _RECOVERED * target),
    )


async def random_loss(stage: Stage, percent: float = 5, *, seconds: float = 30, quiet: float = 4) -> Seen:
    """So many packets of a hundred are lost, each by chance."""
    await stage.period(quiet)
    stage.link.lose(percent)
    lossy = await stage.period(seconds)
    stage.link.lose(0)
    await stage.seen()
    return Seen.of(stage, lossy)
