"""Rows as what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import JsonValue

from edgemeet.provision_server.schedule import Slot
from edgemeet.provision_server.tables import DEVICES, GROUPS, SCHEDULES
from edgemeet.provisioning import PublicKey

Config = Mapping[str, Mapping[str, JsonValue]]


@dataclass(frozen=True, slots=True)
class Group:
    """Devices that share a meeting, slots and settings."""

    name: str
    meeting_id: str | None = None
    config: Config = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    """A device as the server knows it. Times are seconds since 1970; None is never."""

    id: str
    name: str
    participant_id: str | None
    public_key: PublicKey | None
    group_name: str | None
    meeting_id: str | None
    display_name: str | None
    metadata: Mapping[str, JsonValue]
    config: Config
    created_at: int
    enrolled_at: int | None
    last_seen_at: int | None
    revoked_at: int | None

    @property
    def state(self) -> Literal["waiting", "active", "revoked"]:
        """Waiting is for its enrolment."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if self.public_key else "waiting"


@dataclass(frozen=True, slots=True)
class Standing:
    """All that decides what a device is told."""

    device: Device
    group: Group | None
    own_slots: Sequence[Slot]
    group_slots: Sequence[Slot]


def find_device(connection: sa.Connection, device_id: str) -> Device | None:
    """The device, or None."""
    row = connection.execute(sa.select(DEVICES).where(DEVICES.c.id == device_id)).mappings().first()
    return device(row) if row is not None else None


def find_standing(connection: sa.Connection, device_id: str) -> Standing | None:
    """The device with its group and slots; None for an unknown one."""
    found = find_device(connection, device_id)
    if found is None:
        return None
    group = find_group(connection, found.group_name) if found.group_name else None
    wanted = SCHEDULES.c.device_id == found.id
    if found.group_name:
        wanted |= SCHEDULES.c.group_name == found.group_name
    rows = connection.execute(sa.select(SCHEDULES).where(wanted).order_by(SCHEDULES.c.id)).mappings().all()
    return Standing(
        found,
        group,
        tuple(slot(row) for row in rows if row["device_id"]),
        tuple(slot(row) for row in rows if not row["device_id"]),
    )


def find_group(connection: sa.Connection, name: str) -> Group | None:
    """The group, or None."""
    row = connection.execute(sa.select(GROUPS).where(GROUPS.c.name == name)).mappings().first()
    return Group(row["name"], row["meeting_id"], json.loads(row["config"])) if row is not None else None


def device(row: sa.RowMapping) -> Device:
    """A row of `tables.DEVICES`."""
    values: dict[str, Any] = dict(row)
    del values["thumbprint"]
    key = values["public_key"]
    return Device(
        **values
        | {
            "public_key": PublicKey.model_validate_json(key) if key else None,
            "metadata": json.loads(values["metadata"]),
            "config": json.loads(values["config"]),
        }
    )


def slot(row: sa.RowMapping) -> Slot:
    """A row of `tables.SCHEDULES`."""
    return Slot(row["meeting_id"], row["days"], row["starts"], row["ends"], row["timezone"])
