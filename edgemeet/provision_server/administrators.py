"""Who may use the admin API: named tokens, of which only digests are kept."""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from edgemeet.provision_server import audit
from edgemeet.provision_server.audit import Actor
from edgemeet.provision_server.database import Database
from edgemeet.provision_server.refusal import Refused
from edgemeet.provision_server.tables import ADMINS

_PREFIX = "epa_"  # so that scanners for leaked secrets can know it


def add(database: Database, actor: Actor, name: str, now: float) -> str:
    """A new administrator's token, which is shown this once. Raises Refused ``admin.taken``."""
    token = _PREFIX + secrets.token_urlsafe(32)
    try:
        with database.write(durable=True) as connection:
            connection.execute(
                ADMINS.insert().values(name=name, token_digest=_digest(token), created_at=int(now))
            )
            audit.note(connection, actor, now, "admin.added", name)
    except IntegrityError:
        raise Refused(409, "admin.taken", "there is an administrator of this name") from None
    return token


def remove(database: Database, actor: Actor, name: str, now: float) -> None:
    """Its token is worth nothing then. Raises Refused ``admin.unknown``."""
    with database.write(durable=True) as connection:
        if connection.execute(ADMINS.delete().where(ADMINS.c.name == name)).rowcount == 0:
            raise Refused(404, "admin.unknown", "there is no such administrator")
        audit.note(connection, actor, now, "admin.removed", name)


def names(database: Database) -> tuple[str, ...]:
    """All administrators."""
    with database.read() as connection:
        return tuple(connection.execute(sa.select(ADMINS.c.name).order_by(ADMINS.c.name)).scalars())


def who(database: Database, authorization: str) -> str:
    """The administrator's name. Raises Refused ``admin.unauthorised``."""
    scheme, _, token = authorization.partition(" ")
    # The token has 256 random bits: a plain digest cannot be guessed, and finding it by an index tells
    # nothing about it by the time that takes.
    with database.read() as connection:
        name = connection.execute(
            sa.select(ADMINS.c.name).where(ADMINS.c.token_digest == _digest(token))
        ).scalar_one_or_none()
    if scheme.lower() != "bearer" or name is None:
        raise Refused(401, "admin.unauthorised", "Authorization must be Bearer and an administrator's token")
    return str(name)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
