"""The border: what SQLAlchemy, SQLite and PostgreSQL raise becomes ours here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from agentvoice.errors import (
    SchemaOutOfDate,
    StorageBusy,
    StorageError,
    StorageRefused,
    StorageUnavailable,
)

UPGRADE_COMMAND = "agentvoice db upgrade"

_SQLITE_PRIMARY_CODE = 0xFF  # extended result codes carry the primary one in their low byte
_SQLITE_ERRORS: dict[int, tuple[type[StorageError | StorageRefused], str]] = {
    sqlite3.SQLITE_BUSY: (StorageBusy, "another process holds the database's lock"),
    sqlite3.SQLITE_LOCKED: (StorageBusy, "another connection holds the table's lock"),
    sqlite3.SQLITE_READONLY: (StorageRefused, "the database may not be written by this user"),
    sqlite3.SQLITE_PERM: (StorageRefused, "the database may not be opened by this user"),
    sqlite3.SQLITE_CANTOPEN: (StorageRefused, "the database or its -wal and -shm files cannot be opened"),
    sqlite3.SQLITE_AUTH: (StorageRefused, "the database refuses this operation"),
    sqlite3.SQLITE_FULL: (StorageUnavailable, "the disk is full"),
    sqlite3.SQLITE_IOERR: (StorageUnavailable, "the disk fails"),
    sqlite3.SQLITE_NOMEM: (StorageUnavailable, "no memory is left"),
    sqlite3.SQLITE_CORRUPT: (StorageError, "the database is damaged: restore a backup"),
    sqlite3.SQLITE_NOTADB: (StorageError, "the file is no SQLite database, or is damaged"),
}

# By SQLSTATE, or its class (the first two characters).
_POSTGRESQL_ERRORS: dict[str, tuple[type[StorageError | StorageRefused], str]] = {
    "55P03": (StorageBusy, "another process holds the lock"),
    "40P01": (StorageBusy, "the server ended a deadlock"),
    "40": (StorageBusy, "another transaction came first"),
    "08": (StorageUnavailable, "the connection to the server is lost"),
    "53": (StorageUnavailable, "the server has no room left"),
    "57": (StorageUnavailable, "the server is going down"),
    "58": (StorageUnavailable, "the server's disk fails"),
    "25006": (StorageRefused, "the server allows reading only"),
    "42501": (StorageRefused, "this user may not do that"),
    "28": (StorageRefused, "the server does not let this user in"),
    "3D": (StorageRefused, "the server has no such database, and agentvoice creates none there"),
    "42P01": (SchemaOutOfDate, f"a table is missing: run `{UPGRADE_COMMAND}`"),
    "42703": (SchemaOutOfDate, f"a column is missing: run `{UPGRADE_COMMAND}`"),
}

_MISSING_IN_SQLITE = ("no such table", "no such column", "has no column named")


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn every error of the database libraries into a StorageError or StorageRefused."""
    try:
        yield
    except (exc.SQLAlchemyError, sqlite3.Error) as error:
        raise _ours(error) from error


def _ours(error: Exception) -> StorageError | StorageRefused:
    if isinstance(error, exc.TimeoutError):
        return StorageBusy("database: every connection is in use")
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    # The first line only: PostgreSQL's further lines may quote the row, and a log is no place for it.
    words = (str(cause).splitlines() or [""])[0].strip()
    kind, reason = _classified(cause, words)
    if kind is StorageError and isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        kind, reason = StorageUnavailable, "the connection is lost"
    return kind(f"database: {reason} ({words})" if reason else f"database: {words}")


def _classified(cause: BaseException | None, words: str) -> tuple[type[StorageError | StorageRefused], str]:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _SQLITE_PRIMARY_CODE
        if any(missing in words for missing in _MISSING_IN_SQLITE):
            return SchemaOutOfDate, f"run `{UPGRADE_COMMAND}`"
        return _SQLITE_ERRORS.get(code, (StorageError, ""))
    # psycopg is an extra: its errors are known by what they carry, not by their class.
    if cause is None or not hasattr(cause, "sqlstate"):
        return StorageError, ""
    state = cause.sqlstate
    if state is None:  # nothing came from the server: it could not be reached
        is_lost = type(cause).__name__ == "OperationalError"
        return (StorageUnavailable, "the server cannot be reached") if is_lost else (StorageError, "")
    return _POSTGRESQL_ERRORS.get(state) or _POSTGRESQL_ERRORS.get(state[:2], (StorageError, ""))
