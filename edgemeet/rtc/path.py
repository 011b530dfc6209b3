"""The seam between a sender and what carries its packets: what either asks of the other."""

from __future__ import annotations

from typing import Protocol

from edgemeet.encoded import Kind
from edgemeet.rtc import rtcp
from edgemeet.rtc.media_clock import MediaClock
from edgemeet.rtc.pacer import Pacer
from edgemeet.rtc.transport_cc import SentPackets


class RtpSender(Protocol):
    """What a transport asks of what it carries. Rates are in bits per second, `now` is monotonic."""

    kind: Kind

    def owns(self, ssrc: int) -> bool:
        """Whether this is one of its media streams."""

    def receive(self, feedback: rtcp.Feedback, now: float) -> None:
        """Act on feedback, if it is about one of the own streams."""

    def reports(self, now: float) -> bytes:
        """A compound RTCP packet of sender reports; empty for none."""

    def start_over(self, now: float) -> None:
        """So much is lost that the next thing sent must be a keyframe."""

    def padding(self, now: float) -> bytes | None:
        """A packet that only fills the path; None when there is none."""

    @property
    def packets_sent(self) -> int:
        """Packets of media, repetitions not counted."""

    @property
    def round_trip(self) -> float | None:
        """Seconds, as last measured."""

    @property
    def target_bitrate(self) -> int:
        """Of all encodings, as they are now."""

    @property
    def maximum_bitrate(self) -> int:
        """Of all encodings when nothing is short."""

    def wanted_bitrate(self, now: float) -> int:
        """Of all encodings that somebody watches, at their most."""

    def repeated_bitrate(self, now: float) -> float:
        """What repetitions have taken lately."""

    def divide(self, budget: int, now: float) -> int:
        """Take what the encodings can use of `budget`; answers how much that is."""

    def next_return(self, now: float) -> int | None:
        """The budget at which the lowest missing layer returns; None when none is missing."""


class PacketPath(Protocol):
    """What a sender needs of its transport."""

    media_clock: MediaClock
    sent_packets: SentPackets
    pacer: Pacer

    @property
    def ready(self) -> bool:
        """True while packets can leave."""

    def add(self, sender: RtpSender) -> None:
        """Feedback for `sender` is wanted from now on."""

    def remove(self, sender: RtpSender) -> None:
        """No longer."""

    def wake(self) -> None:
        """The pacer has something new."""

    def targets_changed(self) -> None:
        """The rate that a sender aims at has changed."""
