"""The database: opening it under the rules of who may create it, and its transactions.

SQLite in WAL mode by default, PostgreSQL by URL; the same code serves both. All calls block: the
event loop reads by `asyncio.to_thread` and writes through storage.writer.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from agentvoice.errors import ConfigError, NotFound, StorageError, StorageRefused, StorageUnavailable
from agentvoice.storage import schema
from agentvoice.storage.foreign_errors import UPGRADE_COMMAND, mapped_errors

WAL_TRIES = 20
"""More than processes ever open a new database at once."""
BUSY_TIMEOUT_MS = 5_000
"""How long a lock of another process is waited for, unless the settings say otherwise."""

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_SQLITE_HEADER = b"SQLite format 3\x00"
_WANTED_URL = "want a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"

# How a transaction begins on SQLite; PostgreSQL needs no distinction.
_MODE = "agentvoice_mode"
_SQLITE_BEGIN = {
    "read": ("BEGIN",),
    # IMMEDIATE takes the write lock at the start, where the busy timeout applies: a read that
    # becomes a write fails at once instead.
    "write": ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE"),
    # A signed event must outlive a power cut: signing it again would make a second thread.
    "durable": ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE"),
    # SQLite alters a table by dropping and renaming, which foreign keys would take for a deletion.
    "upgrade": ("PRAGMA synchronous=FULL", "PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE"),
}


class Database:
    """An open database. `location` is fit for messages: a path, or a URL without its password."""

    def __init__(self, engine: Engine, location: str) -> None:
        self.location = location
        self._engine = engine
        self._modes = {mode: engine.execution_options(**{_MODE: mode}) for mode in _SQLITE_BEGIN}

    @classmethod
    def open(
        cls,
        where: str | Path,
        *,
        create: bool = False,
        upgrade: bool = False,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    ) -> Database:
        """Open the database at a path or URL and check its schema.

        `create`: this command may make the file (mode 0600) and the first tables. `upgrade`: it may
        bring an older schema to date. Raises ConfigError (no usable URL, PostgreSQL without its
        extra), NotFound (no database, and `create` is false), StorageRefused (may not be created or
        opened), SchemaOutOfDate (older or newer schema) or another StorageError.
        """
        url = _parse_url(where)
        if url.get_backend_name() == "sqlite":
            path = Path(url.database or "").absolute()
            _prepare_file(path, create=create)
            database = cls(_sqlite_engine(path, busy_timeout_ms), str(path))
        else:
            database = cls(_postgresql_engine(url, busy_timeout_ms), url.render_as_string())
        try:
            database._meet_schema(create=create, upgrade=upgrade)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file on this machine."""
        return self._engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees one moment of the database; what it writes is rolled back."""
        with self._explained(), Session(self._modes["read"], expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Session]:
        """Give a session whose work is committed at the end, or rolled back if it raises.

        `durable`: the commit is on the disk before it returns, even if the power fails then.
        Raises StorageRefused, StorageBusy, StorageUnavailable or another StorageError.
        """
        mode = self._modes["durable" if durable else "write"]
        with self._explained(), Session(mode, expire_on_commit=False) as session, session.begin():
            session.connection()  # takes the write lock before anything is read
            yield session

    def upgrade(self) -> None:
        """Bring the schema to date; safe when several processes do it at once."""
        with self._explained():
            if self.is_sqlite:
                self._use_wal()
            with self._modes["upgrade"].begin() as connection:
                schema.upgrade_schema(connection, self.location)
            self._engine.dispose()  # its connection has foreign keys off

    def schema_version(self) -> str:
        """Return the version of the schema found; empty when there are no tables."""
        with self._explained(), self._modes["read"].connect() as connection:
            return schema.stored_version(connection, self.location)

    def close(self) -> None:
        """Close every connection; may be called twice."""
        self._engine.dispose()

    def _meet_schema(self, *, create: bool, upgrade: bool) -> None:
        version = self.schema_version()
        schema.check_not_newer(version, self.location)
        if version < schema.SCHEMA_VERSION and (upgrade or (create and not version)):
            self.upgrade()
        else:
            schema.check_version(version, self.location)

    def _use_wal(self) -> None:
        """Write ahead from now on, which the file remembers.

        SQLite does not wait for a lock here where waiting could be in vain: another process that
        upgrades too is waited for by asking for the write lock, and then it is tried again.
        """
        connection = self._engine.raw_connection()
        cursor = connection.cursor()
        try:
            for _ in range(WAL_TRIES - 1):
                with suppress(sqlite3.OperationalError):
                    cursor.execute("PRAGMA journal_mode=WAL")
                    return
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute("ROLLBACK")
            cursor.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with mapped_errors():
                yield
        except StorageRefused as refusal:
            raise StorageRefused(f"{refusal}; {self._way_out()}") from refusal

    def _way_out(self) -> str:
        if not self.is_sqlite:
            return f"grant the user its rights on {self.location}, then run `{UPGRADE_COMMAND}`"
        return f"{self.location} is {_owned_by(Path(self.location))}"


def _parse_url(where: str | Path) -> URL:
    """Return where the database is; never quotes the value, which may hold a password."""
    if isinstance(where, Path) or "://" not in where:
        if not str(where):
            raise ConfigError(f"database.url: got nothing, {_WANTED_URL}")
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise ConfigError(f"database.url: got a value that is no URL, {_WANTED_URL}") from None
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return URL.create("sqlite", database=url.database)
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(f"database.url: got {backend}://…, {_WANTED_URL}")


def _prepare_file(path: Path, *, create: bool) -> None:
    """Make the file if it is missing and may be made."""
    try:
        if path.exists():
            _check_header(path)
            return
        if not create:
            raise NotFound(
                f"no database at {path}: `agentvoice serve`, `agentvoice demo` or `{UPGRADE_COMMAND}` creates it"
            )
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
    except PermissionError as error:
        raise StorageRefused(
            f"no database may be created at {path}: its folder is {_owned_by(path.parent)};"
            " or set AGENTVOICE_HOME to a folder of your own"
        ) from error
    except OSError as error:
        raise StorageUnavailable(f"no database can be created at {path}: {error.strerror}") from error


def _check_header(path: Path) -> None:
    """Raise StorageError for a file of another kind; SQLite itself would overwrite a short one."""
    if path.is_file() and os.access(path, os.R_OK):
        with path.open("rb") as file:
            header = file.read(len(_SQLITE_HEADER))
        if header and header != _SQLITE_HEADER:
            raise StorageError(f"{path}: this file is no SQLite database, or is damaged")


def _owned_by(path: Path) -> str:
    """Say whose `path` is and how to act as that user."""
    try:
        while not path.exists():
            path = path.parent
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
    except (OSError, KeyError):
        return f"not open to this user: run `{UPGRADE_COMMAND}` as its owner"
    return f"owned by {owner}: run the command as {owner}, for example `sudo -u {owner} {UPGRADE_COMMAND}`"


def _sqlite_engine(path: Path, busy_timeout_ms: int) -> Engine:
    def connect() -> sqlite3.Connection:
        # mode=rw: a connection never creates a file. Transactions begin in `begin` below.
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=busy_timeout_ms / 1_000,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def begin(connection: Connection) -> None:
        for statement in _SQLITE_BEGIN[connection.get_execution_options().get(_MODE, "read")]:
            connection.exec_driver_sql(statement)

    engine = create_engine(URL.create("sqlite", database=str(path)), creator=connect, hide_parameters=True)
    event.listen(engine, "begin", begin)
    return engine


def _postgresql_engine(url: URL, busy_timeout_ms: int) -> Engine:
    arguments: dict[str, Any] = {"options": f"-c lock_timeout={busy_timeout_ms}"}
    try:
        return create_engine(url, connect_args=arguments, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "database.url: got postgresql://…, but its driver is missing: pip install 'agentvoice[postgres]'"
        ) from error
