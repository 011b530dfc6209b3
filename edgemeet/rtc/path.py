"""The seam between a sender and what carries its packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from edgemeet.rtc.media_clock import MediaClock
from edgemeet.rtc.pacer import Pacer
from edgemeet.rtc.transport_cc import SentPackets

if TYPE_CHECKING:
    from edgemeet.rtc.sender import Sender


class PacketPath(Protocol):
    """What a sender needs of its transport."""

    media_clock: MediaClock
    sent_packets: SentPackets
    pacer: Pacer

    @property
    def ready(self) -> bool:
        """True while packets can leave."""

    def add(self, sender: Sender) -> None:
        """Feedback for `sender` is wanted from now on."""

    def remove(self, sender: Sender) -> None:
        """No longer."""

    def wake(self) -> None:
        """The pacer has something new."""

    def targets_changed(self) -> None:
        """The rate that a sender aims at has changed."""
