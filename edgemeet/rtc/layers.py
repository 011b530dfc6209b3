"""A producer's layers and the bandwidth that they get: who is encoded, at which rate, and why not more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edgemeet.encoded import Kind
from edgemeet.rtc.allocation import Allocator
from edgemeet.rtc.audience import Audience
from edgemeet.rtc.quality import quality_reason
from edgemeet.rtc.stream import SendStream

# An encoder is asked again only for a change that can be seen.
_BITRATE_STEP = 0.05


class Divided(NamedTuple):
    """What came of a budget: bits per second taken, layers that are off, layers that have just returned."""

    taken: int
    off: tuple[SendStream, ...]
    returned: tuple[SendStream, ...]


class Layers:
    """Divides a budget among streams and tells their encoders.

    Args:
        streams: of the producer, the lowest layer first.
        kind: "audio" has one rate, and its encoder is told nothing.
        set_bitrate: called with a layer and the bits per second that its encoder is to aim at.
        set_active: called with a layer and whether it is to be encoded; all are at first.
    """

    def __init__(
        self,
        streams: Sequence[SendStream],
        kind: Kind,
        *,
        set_bitrate: Callable[[int, int], None],
        set_active: Callable[[int, bool], None],
    ) -> None:
        self._streams = streams
        self._kind = kind
        self._set_bitrate = set_bitrate
        self._set_active = set_active
        self._allocator = Allocator([stream.limits for stream in streams])
        self._audience = Audience(len(streams))

    def hint(self, layer: int, now: float, *, watched: bool) -> None:
        """As `Audience.hint`."""
        self._audience.hint(layer, now, watched=watched)

    def wanted_bitrate(self, now: float) -> int:
        """Bits per second with which every layer that is watched has its most."""
        watched = zip(self._streams, self._audience.wanted(now), strict=True)
        return sum(stream.maximum for stream, wanted in watched if wanted)

    def next_return(self, now: float) -> int | None:
        """The budget at which the lowest missing layer returns; None when none is missing."""
        return self._allocator.next_return(self._audience.wanted(now))

    def divide(self, budget: int, now: float) -> Divided:
        """Give each layer its share of `budget`, in bits per second, and tell its encoder."""
        wanted = self._audience.wanted(now)
        shares = self._allocator.divide(budget, now, wanted)
        returned = []
        for stream, share, watched in zip(self._streams, shares, wanted, strict=True):
            if share and not stream.active:
                returned.append(stream)
            stream.target = share
            stream.quality.note(quality_reason(share, stream.maximum, wanted=watched), now)
            if stream.encoded != stream.active:
                stream.encoded = stream.active
                self._set_active(stream.layer, stream.encoded)
        self.tell_encoders()
        off = tuple(stream for stream in self._streams if not stream.active)
        return Divided(sum(shares), off, tuple(returned))

    def tell_encoders(self) -> None:
        """The rates that they are to aim at, where those have changed enough to be seen."""
        for stream in self._streams:
            # A layer that is off keeps its encoder's rate, for its return.
            if self._kind == "audio" or not stream.active:
                continue
            if stream.applied is None or abs(stream.target - stream.applied) > _BITRATE_STEP * stream.applied:
                stream.applied = stream.target
                self._set_bitrate(stream.layer, stream.target)
