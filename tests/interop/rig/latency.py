"""From the capture of a picture to a screen: what the traces of `rig.traced` and a page say of it. Pure.

Times are seconds on CLOCK_MONOTONIC.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

_TIMESTAMPS = 1 << 32


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture of one layer as the device saw it.

    Attributes:
        counter: the number drawn into it.
        timestamp: of its RTP packets.
        size: bytes of its access unit.
        captured: when it was captured; for the test picture, when it was due.
        read: when the source had given it, and so had drawn or converted it.
        encoding, encoded: when its encoder began and ended.
        taken: when the daemon had it from the camera's process.
        first_sent, last_sent: when the kernel had taken its first and its last packet.
    """

    counter: int
    timestamp: int
    size: int
    keyframe: bool
    captured: float
    read: float
    encoding: float
    encoded: float
    taken: float
    first_sent: float
    last_sent: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as the page saw it (requestVideoFrameCallback).

    Attributes:
        counter: the number drawn into what the page could read; None where it could not. A page may read a
            newer picture than the one it was called for.
        timestamp: of its RTP packets, as the media server numbers them.
        received: when its last packet had come.
        decoding: seconds in the decoder.
        shown: when it was handed to the compositor.
    """

    counter: int | None
    timestamp: int
    received: float
    decoding: float
    shown: float


@dataclass(frozen=True, slots=True)
class Stages:
    """Seconds that one picture spent in each stage, in their order; the sum is capture to shown.

    Attributes:
        capture: until the source had given the picture: drawn, copied or converted.
        encode: waiting for the encoder, and in it.
        hand_over: from the camera's process to the daemon.
        first_packet: packets made, and waiting for the pacer's leave.
        pace: from the first packet to the last one.
        network: from the last packet sent to the last one received, media server included.
        buffer: the jitter buffer, and what waits for its time to be shown.
        decode: in the decoder.
    """

    capture: float
    encode: float
    hand_over: float
    first_packet: float
    pace: float
    network: float
    buffer: float
    decode: float

    @property
    def total(self) -> float:
        """From capture to shown."""
        return sum(getattr(self, field.name) for field in fields(self))

    @property
    def device(self) -> float:
        """The device's own part: from capture to the last packet sent."""
        return self.capture + self.encode + self.hand_over + self.first_packet + self.pace

    @property
    def received(self) -> float:
        """From capture to the last packet received."""
        return self.device + self.network


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed; NaN of none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def read_traces(lines: Iterable[str], *, layer: int) -> list[Sent]:
    """The pictures of one layer that were sent whole, in the order of their capture.

    Args:
        lines: of all traces of one run, each file's in its order.
        layer: lowest bitrate first.
    """
    trace = _Trace(layer)
    for line in lines:
        kind, *values = line.split()
        trace.take(kind, [int(value) for value in values])
    return trace.sent()


def read_digests(lines: Iterable[str]) -> list[int]:
    """Of the pictures that were encoded, in their order; see `rig.traced.digest`."""
    return [int(line.split()[3]) for line in lines if line.startswith("digest ")]


def share_received(sent: Sequence[int], received: Sequence[int]) -> float:
    """How many of the digests from the first to the last one received were received, 0 to 1; 0 of none."""
    known = set(received)
    places = [place for place, digest in enumerate(sent) if digest in known]
    return len(places) / (places[-1] - places[0] + 1) if places else 0.0


class _Trace:
    def __init__(self, layer: int) -> None:
        self._layer = layer
        self._taking: tuple[int, int] | None = None  # captured and layer of the access unit being sent
        self._read: dict[int, tuple[int, int]] = {}
        self._encoded: dict[int, tuple[int, int, int, bool]] = {}
        self._taken: dict[int, int] = {}
        self._timestamps: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._last: dict[int, int] = {}

    def take(self, kind: str, values: Sequence[int]) -> None:
        match kind, values:
            case "read", (captured, at, number):
                self._read[captured] = (at, number)
            case "encoded", (captured, layer, began, ended, size, keyframe) if layer == self._layer:
                self._encoded[captured] = (began, ended, size, bool(keyframe))
            case "taken", (captured, layer, at):
                self._taking = (captured, layer)
                if layer == self._layer:
                    self._taken[captured] = at
            case "stamped", (captured, timestamp) if self._taking == (captured, self._layer):
                self._timestamps[captured] = timestamp
            case "packet", (timestamp, marker, at):
                # What repeats a packet, because it was lost or to probe the path, comes after it.
                self._first.setdefault(timestamp, at)
                if marker:
                    self._last.setdefault(timestamp, at)

    def sent(self) -> list[Sent]:
        """What is known of in each of its stages."""
        return [
            Sent(
                counter=self._read[captured][1],
                timestamp=timestamp,
                size=size,
                keyframe=keyframe,
                captured=captured / 1e9,
                read=self._read[captured][0] / 1e9,
                encoding=began / 1e9,
                encoded=ended / 1e9,
                taken=self._taken[captured] / 1e9,
                first_sent=self._first[timestamp] / 1e9,
                last_sent=self._last[timestamp] / 1e9,
            )
            for captured, (began, ended, size, keyframe) in sorted(self._encoded.items())
            if (timestamp := self._timestamps.get(captured)) is not None
            and captured in self._read
            and captured in self._taken
            and timestamp in self._last
        ]


def match(sent: Sequence[Sent], shown: Sequence[Shown]) -> list[tuple[Sent, Shown]]:
    """What was sent beside what was shown of it.

    The drawn counter says by how much the media server moved the RTP timestamps; these then say which picture
    is which.

    Raises:
        ValueError: fewer than half of the counters agree with the timestamps.
    """
    by_counter = {each.counter: each for each in sent}
    by_timestamp = {each.timestamp: each for each in sent}
    moved = Counter(
        (each.timestamp - by_counter[each.counter].timestamp) % _TIMESTAMPS
        for each in shown
        if each.counter is not None and each.counter in by_counter
    )
    if not moved:
        raise ValueError(f"none of {len(shown)} pictures shown bears the counter of one of {len(sent)} sent")
    offset, agreeing = moved.most_common(1)[0]
    if agreeing < moved.total() / 2:
        raise ValueError(f"only {agreeing} of {moved.total()} counters agree with the RTP timestamps")
    return [
        (picture, each)
        for each in shown
        if (picture := by_timestamp.get((each.timestamp - offset) % _TIMESTAMPS)) is not None
    ]


def stages(sent: Sent, shown: Shown) -> Stages:
    """How long one picture spent where."""
    return Stages(
        capture=sent.read - sent.captured,
        encode=sent.encoded - sent.read,
        hand_over=sent.taken - sent.encoded,
        first_packet=sent.first_sent - sent.taken,
        pace=sent.last_sent - sent.first_sent,
        network=shown.received - sent.last_sent,
        buffer=shown.shown - shown.received - shown.decoding,
        decode=shown.decoding,
    )


def clock_offset(claimed: float, looks: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """By how much another clock differs from ours, and how far that may be wrong; seconds.

    Args:
        claimed: what the wall clock makes of it, which is exact unless somebody has set that clock.
        looks: the least and the most it can be, each from one question to the other side.

    Returns:
        What was claimed, if all looks allow for it within half a millisecond; else the middle of what they
        leave.
    """
    least, most = max(low for low, _ in looks), min(high for _, high in looks)
    middle, width = (least + most) / 2, abs(most - least) / 2
    if least - 5e-4 <= claimed <= most + 5e-4:
        return claimed, width
    return middle, width
