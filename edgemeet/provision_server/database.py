"""Connections and transactions, the same over SQLite and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from edgemeet.errors import ConfigError, ServerError
from edgemeet.provision_server.refusal import Refused

# A worker's threads that talk to the database; PostgreSQL has as many connections of each worker.
CONNECTIONS: Final = 8
_BUSY: Final = 5.0  # seconds that one process waits for another's transaction, or for a connection
_CONNECT: Final = 3  # seconds
_STATEMENT: Final = 5000  # milliseconds


class DatabaseGone(ServerError):
    """The database cannot be reached, is locked for too long, or is broken."""

    default_code = "server.database_gone"


class Database:
    """One engine, and transactions on it that fail with DatabaseGone alone.

    SQLite: write-ahead log, one writer at a time. What devices do is committed without waiting for the disk;
    what people do (``durable``) outlives a power cut.

    Raises:
        ConfigError: ``config.database``, the URL is none of the two kinds.
    """

    def __init__(self, url: SecretStr) -> None:
        self.sqlite = url.get_secret_value().startswith("sqlite")
        self.engine = _engine(url)
        # In one process a queue of threads is fairer and quicker than SQLite's polling.
        self._one_writer = threading.Lock() if self.sqlite else nullcontext()
        if self.sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with _told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sa.Connection]:
        """A transaction that is committed unless the block raises."""
        kind = "durable" if durable else "write"
        engine = self.engine.execution_options(kind=kind)
        with _told(), self._one_writer, engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise  # a rule of ours; who broke it knows what it means
    except DataError:
        raise Refused(422, "request.malformed", "a value holds signs that cannot be kept") from None
    except (DBAPIError, PoolTimeout) as error:
        # Its text may quote values and the host.
        raise DatabaseGone(f"the database does not work ({type(error).__name__})") from None


def _engine(url: SecretStr) -> sa.Engine:
    try:
        parsed = sa.make_url(url.get_secret_value())
        if parsed.drivername in {"postgresql", "postgres"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            arguments: dict[str, Any] = {"timeout": _BUSY, "check_same_thread": False}
        elif parsed.drivername == "postgresql+psycopg":
            arguments = {"connect_timeout": _CONNECT, "options": f"-c statement_timeout={_STATEMENT}"}
        else:
            raise _unusable()
        return sa.create_engine(
            parsed,
            connect_args=arguments,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=_BUSY,
            pool_pre_ping=parsed.get_backend_name() != "sqlite",
            pool_recycle=1800,
            poolclass=sa.QueuePool,
            hide_parameters=True,
        )
    except (ArgumentError, NoSuchModuleError, ValueError, OSError):
        pass
    raise _unusable()


def _unusable() -> ConfigError:
    return ConfigError(
        "database_url cannot be used: it must be sqlite:///PATH in a folder that can be written, or "
        "postgresql://USER@HOST/NAME",
        code="config.database",
    )


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    kind = connection.get_execution_options().get("kind", "read")
    if kind == "read":
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if kind == 'durable' else 'NORMAL'}")
    # Not a plain BEGIN: a transaction that reads first and then writes fails when another wrote meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
