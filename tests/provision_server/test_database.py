"""The database: its schema, and what is left of the server without it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from pydantic import SecretStr

from edgemeet.errors import ConfigError
from edgemeet.provision_server.database import Database, DatabaseGone
from edgemeet.provision_server.schema import is_current, upgrade
from edgemeet.provision_server.tables import METADATA

only_sqlite = pytest.mark.skipif("TEST_POSTGRES_URL" in os.environ, reason="is about SQLite")


def test_the_migrations_make_the_tables(database):
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert is_current(connection)


def test_migrating_again_does_nothing(database, registry, anna):
    registry.add(anna, "Front door")
    upgrade(database)
    assert len(registry.devices()) == 1


def test_several_servers_may_start_at_once(database_url):
    databases = [Database(SecretStr(database_url)) for _ in range(4)]
    threads = [threading.Thread(target=upgrade, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with databases[0].read() as connection:
        assert is_current(connection)
    for database in databases:
        database.close()


def test_a_database_of_a_later_version_is_left_alone(database):
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError) as caught:
        upgrade(database)
    assert caught.value.code == "config.database_newer"
    with database.read() as connection:
        assert not is_current(connection)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://u:hush@h/n",
        "oracle://h",
        "sqlite:////proc/none/x.db",
        "hush://hush:hush@",
        "postgresql+x://h",
    ],
)
def test_a_url_that_cannot_be_used(url):
    with pytest.raises(ConfigError) as caught:
        Database(SecretStr(url))
    assert caught.value.code == "config.database"
    assert "hush" not in str(caught.value) + repr(caught.value.__cause__)


def test_a_database_that_is_not_there():
    database = Database(SecretStr("postgresql://nobody:hush@127.0.0.1:9/none"))
    with pytest.raises(DatabaseGone) as caught, database.read() as connection:
        connection.execute(sa.text("SELECT 1"))
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    database.close()


async def test_devices_are_told_to_come_back(http, enrolled, registry, anna, database, monkeypatch):
    """503 with Retry-After: a device lives on its last answer meanwhile."""
    device = await enrolled()
    registry.assign(anna, device.id, "abcd-efgh")
    broken = Database(SecretStr("postgresql://nobody@127.0.0.1:9/none"))
    monkeypatch.setattr(database, "engine", broken.engine)
    replies = await asyncio.gather(*(http.get("/v1/token", headers=device.header()) for _ in range(4)))
    for reply in replies:
        assert (reply.status_code, reply.json()["code"]) == (503, "server.database_gone")
        assert 10 <= int(reply.headers["retry-after"]) <= 40
    assert (await http.get("/v1/health")).status_code == 503
    monkeypatch.undo()
    assert (await http.get("/v1/token", headers=device.header())).status_code == 200, "and then it is well"
    broken.close()


@only_sqlite
async def test_a_database_that_another_holds(http, enrolled, registry, anna, tmp_path, database):
    device = await enrolled()
    registry.assign(anna, device.id, "abcd-efgh")
    with database.read() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")  # the pool's one connection so far
    holder = sqlite3.connect(tmp_path / "provision.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    reply = await http.get("/v1/token", headers=device.header())
    assert (reply.status_code, reply.json()["code"]) == (503, "server.database_gone")
    holder.execute("ROLLBACK")
    holder.close()
    assert (await http.get("/v1/token", headers=device.header())).status_code == 200


@only_sqlite
def test_what_people_do_outlives_a_power_cut(database):
    kinds = {}
    for durable in (True, False):
        with database.write(durable=durable) as connection:
            kinds[durable] = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    assert kinds == {True: 2, False: 1}  # FULL and NORMAL


def test_the_api_secret_is_in_no_table(registry, groups, anna, database, settings):
    registry.code(anna, registry.add(anna, "Front door").id)
    with database.read() as connection:
        for table in METADATA.sorted_tables:
            assert settings.api_secret.get_secret_value() not in str(
                connection.execute(sa.select(table)).all()
            )
