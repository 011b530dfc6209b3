"""Rows as what they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

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


# Made once: building and hashing a statement costs as much as SQLite takes to answer it.
_DEVICE: Final = sa.select(DEVICES).where(DEVICES.c.id == sa.bindparam("device_id"))
_GROUP: Final = sa.select(GROUPS).where(GROUPS.c.name == sa.bindparam("name"))
_OWN_SLOTS: Final = (
    sa.select(SCHEDULES).where(SCHEDULES.c.device_id == sa.bindparam("device_id")).order_by(SCHEDULES.c.id)
)
_GROUP_SLOTS: Final = (
    sa.select(SCHEDULES).where(SCHEDULES.c.group_name == sa.bindparam("name")).order_by(SCHEDULES.c.id)
)


def find_device(connection: sa.Connection, device_id: str) -> Device | None:
    """The device, or None."""
    row = connection.execute(_DEVICE, {"device_id": device_id}).mappings().first()
    return device(row) if row is not None else None


def find_standing(connection: sa.Connection, device_id: str) -> Standing | None:
    """The device with its group and slots; None for an unknown one."""
    found = find_device(connection, device_id)
    if found is None:
        return None
    own = connection.execute(_OWN_SLOTS, {"device_id": device_id}).mappings().all()
    if found.group_name is None:
        return Standing(found, None, tuple(map(slot, own)), ())
    group = find_group(connection, found.group_name)
    shared = connection.execute(_GROUP_SLOTS, {"name": found.group_name}).mappings().all()
    return Standing(found, group, tuple(map(slot, own)), tuple(map(slot, shared)))


def find_group(connection: sa.Connection, name: str) -> Group | None:
    """The group, or None."""
    row = connection.execute(_GROUP, {"name": name}).mappings().first()
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
