"""What a device is told, from what is known of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from pydantic import JsonValue

from edgemeet.provision_server.records import Config, Standing
from edgemeet.provision_server.schedule import meeting_at, next_change
from edgemeet.provisioning import LEAST_POLL

_AFTER_THE_BELL: Final = 1  # seconds after a slot's edge at which a device is to ask


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer without its token.

    Attributes:
        revoked: the device shall stay out.
        meeting_id: None when none is assigned now.
        name: to show, if the server chooses one.
        metadata: for other participants.
        config: settings that take the place of the device's own.
        poll_after: seconds until the device shall ask again.
        change_at: a slot begins or ends then, before an ordinary poll would notice.
    """

    revoked: bool
    meeting_id: str | None
    name: str | None
    metadata: Mapping[str, JsonValue]
    config: Config
    poll_after: int
    change_at: int | None = None

    @property
    def etag(self) -> str:
        """The same as long as a device that asked has nothing new to learn (RFC 9110, 8.8.3)."""
        content = [
            self.revoked,
            self.meeting_id,
            self.name,
            self.metadata,
            self.config,
            self.change_at,
        ]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f'"{digest[:32]}"'

    def body(self) -> dict[str, JsonValue]:
        """As JSON, without token and end."""
        if self.revoked:
            return {"revoked": True, "poll_after": self.poll_after}
        meeting: JsonValue = {"id": self.meeting_id} if self.meeting_id else None
        body: dict[str, JsonValue] = {"meeting": meeting, "poll_after": self.poll_after, "revoked": False}
        if self.name:
            body["name"] = self.name
        if self.metadata:
            body["metadata"] = dict(self.metadata)
        if self.config:
            body["config"] = {table: dict(keys) for table, keys in self.config.items()}
        return body


def decide(standing: Standing, now: float, *, poll_after: int, default_meeting: str | None) -> Decision:
    """What the device is told now.

    The first of these that names a meeting counts: a slot of the device, the device, a slot of its group, its
    group, the server's default.

    Args:
        standing: what is known of the device.
        now: seconds since 1970.
        poll_after: seconds between two polls; less when a slot begins or ends before.
        default_meeting: of the server.
    """
    device, group = standing.device, standing.group
    edge = next_change((*standing.own_slots, *standing.group_slots), now)
    soon = edge is not None and edge - now < poll_after
    meeting = (
        meeting_at(standing.own_slots, now)
        or device.meeting_id
        or meeting_at(standing.group_slots, now)
        or (group.meeting_id if group else None)
        or default_meeting
    )
    until = (
        max(ceil(edge - now) + _AFTER_THE_BELL, int(LEAST_POLL)) if soon and edge is not None else poll_after
    )
    return Decision(
        revoked=device.revoked_at is not None,
        meeting_id=meeting,
        name=device.display_name,
        metadata=device.metadata,
        config=_merged(group.config if group else {}, device.config),
        poll_after=until,
        change_at=int(edge) if soon and edge is not None else None,
    )


def _merged(below: Config, above: Config) -> Config:
    return {table: {**below.get(table, {}), **above.get(table, {})} for table in (*below, *above)}
