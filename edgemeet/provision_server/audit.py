"""The audit log: who did what, when. Written in the transaction of what was done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from pydantic import JsonValue

from edgemeet.provision_server.tables import AUDIT

_NOTE: Final = AUDIT.insert()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Attributes:
        name: ``device:d-1``, ``admin:anna``, ``cli:root``.
        address: where the request came from, if from the network.
    """

    name: str
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log."""

    id: int
    at: int
    actor: str
    action: str
    subject: str | None
    detail: dict[str, JsonValue]
    address: str | None


def note(
    connection: sa.Connection,
    actor: Actor,
    now: float,
    action: str,
    subject: str | None = None,
    **detail: Any,
) -> None:
    """Write a line; ``detail`` must hold no secret."""
    connection.execute(
        _NOTE,
        {
            "at": int(now),
            "actor": actor.name[:128],
            "action": action,
            "subject": subject,
            "detail": json.dumps(detail),
            "address": actor.address,
        },
    )


def entries(
    connection: sa.Connection, *, limit: int = 100, subject: str | None = None, before: int | None = None
) -> tuple[Entry, ...]:
    """The latest lines, newest first.

    Args:
        connection: to read with.
        limit: lines at most.
        subject: only of this device, group or administrator.
        before: only lines with a smaller id, for the next page.
    """
    query = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(AUDIT.c.subject == subject)
    if before is not None:
        query = query.where(AUDIT.c.id < before)
    return tuple(
        Entry(**dict(row) | {"detail": json.loads(row["detail"])})
        for row in connection.execute(query).mappings().all()
    )


def forget(connection: sa.Connection, before: float) -> None:
    """Delete lines that are older than ``before``, seconds since 1970."""
    connection.execute(AUDIT.delete().where(AUDIT.c.at < int(before)))
