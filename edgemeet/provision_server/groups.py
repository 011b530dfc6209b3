"""Groups of devices, and schedules of devices and groups."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edgemeet.provision_server import audit
from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.overrides import check_config
from edgemeet.provision_server.records import Group, find_device, find_group, slot
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.registry import Registry
from edgemeet.provision_server.schedule import Slot, clock_text, days_text
from edgemeet.provision_server.schedule import slot as written_slot
from edgemeet.provision_server.tables import GROUPS, SCHEDULES

_ID: Final = r"^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$"
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


class GroupChange(BaseModel):
    """What a group shall be. What is absent stays, or is empty in a new one."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    meeting_id: str | None = Field(default=None, pattern=_ID)
    config: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)


class NewSlot(BaseModel):
    """A slot for a device or for a group: exactly one of the two."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    device_id: str | None = Field(default=None, max_length=64)
    group_name: str | None = Field(default=None, max_length=64)
    meeting_id: str = Field(pattern=_ID)
    days: str = Field(default="mon-sun", max_length=64)
    starts: str = Field(max_length=5)
    ends: str = Field(max_length=5)
    timezone: str = Field(default="UTC", max_length=64)


@dataclass(frozen=True, slots=True)
class KeptSlot:
    """A slot and whose it is."""

    id: int
    device_id: str | None
    group_name: str | None
    slot: Slot

    def told(self) -> dict[str, JsonValue]:
        """As it was written."""
        return {
            "id": self.id,
            "device_id": self.device_id,
            "group_name": self.group_name,
            "meeting_id": self.slot.meeting_id,
            "days": days_text(self.slot.days),
            "starts": clock_text(self.slot.starts),
            "ends": clock_text(self.slot.ends),
            "timezone": self.slot.timezone,
        }


class Groups:
    """Groups and schedules, in the database of ``registry`` and on its clock."""

    def __init__(self, registry: Registry) -> None:
        self._database = registry.database
        self._now = registry.now

    def groups(self) -> tuple[Group, ...]:
        """All, by name."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(GROUPS).order_by(GROUPS.c.name)).mappings().all()
        return tuple(Group(row["name"], row["meeting_id"], json.loads(row["config"])) for row in rows)

    def put(self, actor: Actor, name: str, change: GroupChange) -> Group:
        """Make a group, or change it. Raises Refused ``admin.bad_name`` or ``admin.bad_config``."""
        if not _NAME.fullmatch(name):
            text = "a group's name has 1 to 64 letters, digits and the signs - . _"
            raise Refused(422, "admin.bad_name", text)
        given = change.model_dump(include=change.model_fields_set)
        check_config(given.get("config", {}))
        values = {key: json.dumps(value) if key == "config" else value for key, value in given.items()}
        with self._database.write(durable=True) as connection:
            if find_group(connection, name) is None:
                connection.execute(GROUPS.insert().values(name=name, created_at=int(self._now()), **values))
            elif values:
                connection.execute(GROUPS.update().where(GROUPS.c.name == name).values(**values))
            audit.note(connection, actor, self._now(), "group.put", name, **given)
            group = find_group(connection, name)
        assert group is not None
        return group

    def remove(self, actor: Actor, name: str) -> None:
        """Its devices have no group then. Raises Refused ``admin.unknown_group``."""
        with self._database.write(durable=True) as connection:
            gone = connection.execute(GROUPS.delete().where(GROUPS.c.name == name))
            if gone.rowcount == 0:
                raise Refused(404, "admin.unknown_group", "there is no such group")
            audit.note(connection, actor, self._now(), "group.removed", name)

    def slots(self) -> tuple[KeptSlot, ...]:
        """All slots, oldest first: the first one that has begun counts."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(SCHEDULES).order_by(SCHEDULES.c.id)).mappings().all()
        return tuple(KeptSlot(row["id"], row["device_id"], row["group_name"], slot(row)) for row in rows)

    def add_slot(self, actor: Actor, new: NewSlot) -> KeptSlot:
        """Add a slot.

        Raises Refused ``admin.bad_slot``, ``admin.unknown_device`` or ``admin.unknown_group``.
        """
        if (new.device_id is None) == (new.group_name is None):
            raise Refused(422, "admin.bad_slot", "a slot is for a device or for a group, and not for both")
        try:
            made = written_slot(new.meeting_id, new.days, new.starts, new.ends, new.timezone)
        except ValueError as error:
            raise Refused(422, "admin.bad_slot", str(error)) from None
        with self._database.write(durable=True) as connection:
            if new.device_id is not None and find_device(connection, new.device_id) is None:
                raise Refused(404, "admin.unknown_device", "there is no such device")
            if new.group_name is not None and find_group(connection, new.group_name) is None:
                raise Refused(404, "admin.unknown_group", "there is no such group")
            number = connection.execute(
                SCHEDULES.insert()
                .values(
                    device_id=new.device_id,
                    group_name=new.group_name,
                    meeting_id=made.meeting_id,
                    days=made.days,
                    starts=made.starts,
                    ends=made.ends,
                    timezone=made.timezone,
                    created_at=int(self._now()),
                )
                .returning(SCHEDULES.c.id)
            ).scalar_one()
            kept = KeptSlot(number, new.device_id, new.group_name, made)
            audit.note(
                connection, actor, self._now(), "slot.added", new.device_id or new.group_name, **kept.told()
            )
        return kept

    def remove_slot(self, actor: Actor, number: int) -> None:
        """Raises Refused ``admin.unknown_slot``."""
        with self._database.write(durable=True) as connection:
            gone = connection.execute(SCHEDULES.delete().where(SCHEDULES.c.id == number))
            if gone.rowcount == 0:
                raise Refused(404, "admin.unknown_slot", "there is no such slot")
            audit.note(connection, actor, self._now(), "slot.removed", str(number))
