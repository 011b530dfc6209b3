"""Packets that were sent, kept for a moment in case they are asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

# Older packets come too late for a conversation.
MAX_AGE = 1.0
# A request for the same packet within a round trip is a repetition, not a second loss. Used while the
# round trip is unknown or tiny.
MIN_REPEAT = 0.02
# Repairs may take this share of the target rate, saved up for as long. More would deepen the congestion
# that probably caused the loss.
MAX_SHARE = 0.5
SAVED_SECONDS = 0.5
# Enough for a keyframe's worth of packets on a slow stream.
MIN_ALLOWANCE = 12_000
# Padding repeats the largest of so many packets: fewer packets for the same rate.
_FILLERS = 8


@dataclass(slots=True)
class SentPacket:
    """What is needed to send a packet again."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    audio_level: int | None
    sent: float
    repeated: float | None = None


class History:
    """The packets of one stream sent within the last second; retransmissions are rationed."""

    def __init__(self) -> None:
        self._packets: dict[int, SentPacket] = {}  # by sequence number, oldest first
        self._allowance: float = MIN_ALLOWANCE
        self._refilled: float | None = None

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, packet: SentPacket) -> None:
        """Keep `packet` and forget those that are too old."""
        # A number used again after 65,536 packets must move to the end.
        self._packets.pop(packet.sequence, None)
        self._packets[packet.sequence] = packet
        limit = packet.sent - MAX_AGE
        while (oldest := next(iter(self._packets.values()))).sent < limit:
            del self._packets[oldest.sequence]

    def take(self, sequence: int, now: float, *, round_trip: float | None, rate: int) -> SentPacket | None:
        """The packet to send again; None when it is too old, was just repeated, or the ration is used up.

        Args:
            sequence: the number that was asked for.
            now: seconds, monotonic.
            round_trip: seconds, if known.
            rate: bits per second that the stream aims at.
        """
        packet = self._packets.get(sequence)
        if packet is None or now - packet.sent > MAX_AGE:
            return None
        if packet.repeated is not None and now - packet.repeated < max(round_trip or 0.0, MIN_REPEAT):
            return None
        self._refill(now, rate)
        if self._allowance < len(packet.payload):
            return None
        self._allowance -= len(packet.payload)
        packet.repeated = now
        return packet

    def holds(self, sequence: int, now: float) -> bool:
        """Whether a packet can still be sent again, now or a little later."""
        packet = self._packets.get(sequence)
        return packet is not None and now - packet.sent <= MAX_AGE

    def clear(self) -> None:
        """Forget all packets: nobody needs them any more."""
        self._packets.clear()

    def filler(self) -> SentPacket | None:
        """A large packet of the last few, to repeat as padding."""
        latest = islice(reversed(self._packets.values()), _FILLERS)
        return max(latest, key=lambda packet: len(packet.payload), default=None)

    def _refill(self, now: float, rate: int) -> None:
        share = rate * MAX_SHARE / 8
        if self._refilled is not None:
            self._allowance += (now - self._refilled) * share
        self._allowance = min(self._allowance, max(share * SAVED_SECONDS, MIN_ALLOWANCE))
        self._refilled = now
