"""Brings a database to the schema that this version needs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from edgemeet.errors import ConfigError
from edgemeet.provision_server.database import Database

# Any number, the same for all servers: one of them migrates, the others wait for it.
_LOCK: Final = 0x65646765


def upgrade(database: Database) -> None:
    """Apply what is missing; nothing to do is no error.

    Raises:
        ConfigError: ``config.database_newer``, the database is of a later version.
        DatabaseGone: it cannot be reached.
    """
    with database.write(durable=True) as connection:
        if not database.sqlite:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        config = _config()
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        current = MigrationContext.configure(connection).get_current_revision()
        if current is not None and current not in known:
            raise ConfigError(
                f"the database's schema ({current}) is of a later version of edgemeet",
                code="config.database_newer",
                hint="Run the version that made it, or a later one.",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(connection: sa.Connection) -> bool:
    """Whether the schema is the one that this version needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
