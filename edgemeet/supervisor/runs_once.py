"""A session, and what it may leave behind, as the supervisor sees them."""

from __future__ import annotations

from typing import Protocol

from edgemeet.supervisor.facts import SessionFacts
from edgemeet.supervisor.views import SessionView


class Remains(Protocol):
    """Media that goes on although its signaling is lost."""

    def alive(self) -> bool:
        """Whether the server still acknowledges it."""

    async def close(self) -> None:
        """End it within a few seconds; never raises."""


class RunsOnce(Protocol):
    """A session, as the supervisor sees it."""

    @property
    def joined(self) -> bool:
        """In the meeting, media connected."""

    async def run(self) -> None:
        """Join and stay; raises why it ended."""

    def facts(self) -> SessionFacts:
        """What the next step depends on."""

    def repair(self) -> None:
        """Make the media transport anew; `facts` tell how it goes."""

    def network_changed(self) -> None:
        """A link came up or an address changed."""

    def take_remains(self) -> Remains | None:
        """After the end: media that still works. The caller has to close it."""

    def view(self) -> SessionView:
        """The session as it is now."""
