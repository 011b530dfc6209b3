"""What administrators do to devices, from the command line and over the API."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from edgemeet.provision_server import audit, codes
from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.overrides import check_config
from edgemeet.provision_server.records import Device, device, find_device, find_group
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.settings import ServerSettings
from edgemeet.provision_server.tables import CODES, DEVICES

_ID = r"^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$"


class DeviceChange(BaseModel):
    """What may be changed of a device. What is absent stays; null takes away."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(default="", min_length=1, max_length=120)
    group_name: str | None = Field(default=None, max_length=64)
    meeting_id: str | None = Field(default=None, pattern=_ID)
    display_name: str | None = Field(default=None, min_length=1, max_length=120)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    config: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)


class Registry:
    """Devices and their codes.

    Args:
        database: where they are kept.
        settings: of the server.
        wall_clock: seconds since 1970.
    """

    def __init__(
        self, database: Database, settings: ServerSettings, *, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.database = database
        self._settings = settings
        self.now = wall_clock

    def add(self, actor: Actor, name: str, group: str | None = None) -> Device:
        """A new device, which waits for its enrolment. Raises Refused ``admin.unknown_group``."""
        device_id = f"d-{secrets.token_hex(8)}"
        with self.database.write(durable=True) as connection:
            _check_group(connection, group)
            connection.execute(
                DEVICES.insert().values(
                    id=device_id, name=name[:120], group_name=group, created_at=int(self.now())
                )
            )
            audit.note(connection, actor, self.now(), "device.added", device_id, name=name[:120])
            return _found(connection, device_id)

    def code(self, actor: Actor, device_id: str | None = None, group: str | None = None) -> str:
        """A one-time code: to enrol ``device_id`` (anew), or a device that is added by it.

        Raises Refused ``admin.unknown_device`` or ``admin.unknown_group``.
        """
        code, now = codes.new_code(), int(self.now())
        with self.database.write(durable=True) as connection:
            _check_group(connection, group)
            if device_id is not None:
                _found(connection, device_id)
            # Used and expired ones have done their work; they are kept a day, to tell what became of them.
            connection.execute(CODES.delete().where(CODES.c.expires_at < now - 86_400))
            connection.execute(
                CODES.insert().values(
                    digest=codes.digest_of(code, self._settings.api_secret),
                    device_id=device_id,
                    group_name=group,
                    created_at=now,
                    expires_at=now + self._settings.code_ttl,
                )
            )
            audit.note(connection, actor, now, "code.made", device_id, group=group)
        return code

    def devices(self, *, group: str | None = None, after: str = "", limit: int = 100) -> tuple[Device, ...]:
        """Devices in the order of their ids: the next page begins after the last id of this one."""
        query = sa.select(DEVICES).where(DEVICES.c.id > after).order_by(DEVICES.c.id).limit(limit)
        if group is not None:
            query = query.where(DEVICES.c.group_name == group)
        with self.database.read() as connection:
            return tuple(device(row) for row in connection.execute(query).mappings().all())

    def get(self, device_id: str) -> Device:
        """The device with this id, or the only one of this name.

        Raises Refused ``admin.unknown_device`` or ``admin.ambiguous``.
        """
        with self.database.read() as connection:
            found = find_device(connection, device_id)
            if found is not None:
                return found
            named = sa.select(DEVICES).where(
                (DEVICES.c.name == device_id) | (DEVICES.c.participant_id == device_id)
            )
            rows = connection.execute(named.limit(2)).mappings().all()
        if len(rows) > 1:
            raise Refused(409, "admin.ambiguous", "several devices have this name: use the id")
        if not rows:
            raise _unknown_device()
        return device(rows[0])

    def change(self, actor: Actor, device_id: str, change: DeviceChange) -> Device:
        """Change what is given.

        Raises Refused ``admin.unknown_device``, ``admin.unknown_group``, ``admin.bad_config``.
        """
        given = change.model_dump(include=change.model_fields_set)
        check_config(given.get("config", {}))
        values = {
            name: json.dumps(value) if name in {"metadata", "config"} else value
            for name, value in given.items()
        }
        with self.database.write(durable=True) as connection:
            _check_group(connection, change.group_name)
            _found(connection, device_id)
            if values:
                connection.execute(DEVICES.update().where(DEVICES.c.id == device_id).values(**values))
                audit.note(connection, actor, self.now(), "device.changed", device_id, **given)
            return _found(connection, device_id)

    def assign(self, actor: Actor, device_id: str, meeting_id: str | None) -> Device:
        """The device joins this meeting from its next poll on; None leaves it to its group."""
        return self.change(actor, device_id, DeviceChange(meeting_id=meeting_id))

    def revoke(self, actor: Actor, device_id: str) -> Device:
        """The device gets no token any more, and leaves at its next poll."""
        return self._set_revoked(actor, device_id, int(self.now()), "device.revoked")

    def restore(self, actor: Actor, device_id: str) -> Device:
        """Take a revocation back."""
        return self._set_revoked(actor, device_id, None, "device.restored")

    def _set_revoked(self, actor: Actor, device_id: str, at: int | None, action: str) -> Device:
        with self.database.write(durable=True) as connection:
            before = _found(connection, device_id)
            if (before.revoked_at is None) != (at is None):
                connection.execute(DEVICES.update().where(DEVICES.c.id == device_id).values(revoked_at=at))
                audit.note(connection, actor, self.now(), action, device_id)
            return _found(connection, device_id)

    def remove(self, actor: Actor, device_id: str) -> None:
        """Forget a device and its key. Raises Refused ``admin.unknown_device``."""
        with self.database.write(durable=True) as connection:
            gone = _found(connection, device_id)
            connection.execute(DEVICES.delete().where(DEVICES.c.id == device_id))
            audit.note(connection, actor, self.now(), "device.removed", device_id, name=gone.name)

    def audit(
        self, *, limit: int = 100, subject: str | None = None, before: int | None = None
    ) -> list[dict[str, JsonValue]]:
        """The latest lines of the audit log, newest first."""
        with self.database.read() as connection:
            return [
                asdict(entry)
                for entry in audit.entries(connection, limit=limit, subject=subject, before=before)
            ]


def _found(connection: sa.Connection, device_id: str) -> Device:
    found = find_device(connection, device_id)
    if found is None:
        raise _unknown_device()
    return found


def _unknown_device() -> Refused:
    return Refused(404, "admin.unknown_device", "there is no such device")


def _check_group(connection: sa.Connection, group: str | None) -> None:
    if group is not None and find_group(connection, group) is None:
        raise Refused(404, "admin.unknown_group", "there is no such group")
