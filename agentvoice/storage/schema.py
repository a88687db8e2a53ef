"""The schema's version, and how a database is brought to it. Alembic is imported only to upgrade."""

from __future__ import annotations

import zlib

from sqlalchemy import Connection, inspect, text

from agentvoice.config.bundled import bundled_folder
from agentvoice.errors import SchemaOutOfDate, StorageError
from agentvoice.storage.foreign_errors import UPGRADE_COMMAND

SCHEMA_VERSION = "0004"
"""The newest migration this version of agentvoice carries (a test compares it with the folder).
Migrations are numbered, so that newer and older can be told apart without reading them."""

_VERSION_TABLE = "alembic_version"
_UPGRADE_LOCK = zlib.crc32(b"agentvoice schema upgrade")


def stored_version(connection: Connection, location: str) -> str:
    """Return the version of the database's schema; empty when it has no tables yet.

    Raises StorageError when the tables are somebody else's.
    """
    tables = set(inspect(connection).get_table_names())
    if _VERSION_TABLE in tables:
        return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar() or ""
    if tables:
        raise StorageError(
            f"{location}: this database belongs to another program (it has a table {min(tables)!r})"
        )
    return ""


def check_version(version: str, location: str) -> None:
    """Raise SchemaOutOfDate unless `version` is the one this agentvoice is written for."""
    check_not_newer(version, location)
    if version < SCHEMA_VERSION:
        was = f"schema {version}" if version else "no tables"
        raise SchemaOutOfDate(f"{location}: got {was}, want schema {SCHEMA_VERSION}: run `{UPGRADE_COMMAND}`")


def check_not_newer(version: str, location: str) -> None:
    """Raise SchemaOutOfDate when a newer agentvoice has been at work."""
    if version > SCHEMA_VERSION:
        raise SchemaOutOfDate(
            f"{location}: got schema {version}, this agentvoice knows up to {SCHEMA_VERSION}:"
            " install the newer agentvoice that wrote it"
        )


def upgrade_schema(connection: Connection, location: str) -> None:
    """Bring the database to SCHEMA_VERSION inside the caller's write transaction.

    Whoever comes second waits for the first and finds nothing to do: SQLite by the write lock that
    the caller's BEGIN IMMEDIATE took, PostgreSQL by an advisory lock that ends with the transaction.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    version = stored_version(connection, location)
    check_not_newer(version, location)
    if version == SCHEMA_VERSION:
        return
    _run_migrations(connection)
    if is_sqlite and (broken := connection.execute(text("PRAGMA foreign_key_check")).first()):
        raise StorageError(f"{location}: the upgrade would leave a row of {broken[0]!r} without its owner")


def _run_migrations(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(bundled_folder("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
