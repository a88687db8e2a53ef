from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import create_engine, exc, text

from agentvoice.errors import (
    AgentVoiceError,
    NotFound,
    SchemaOutOfDate,
    StorageBusy,
    StorageError,
    StorageRefused,
    StorageUnavailable,
)
from agentvoice.storage import foreign_errors
from agentvoice.storage.database import Database
from agentvoice.storage.foreign_errors import mapped_errors


def mapped(error: Exception) -> AgentVoiceError:
    with pytest.raises(AgentVoiceError) as caught, mapped_errors():
        raise error
    return caught.value


class FromSqlite(sqlite3.OperationalError):
    """An error as sqlite3 raises it, with its result code."""

    def __init__(self, words: str, code: int) -> None:
        super().__init__(words)
        self.sqlite_errorcode = code


class FromServer(Exception):
    """An error as psycopg raises it, with its SQLSTATE."""

    def __init__(self, words: str, sqlstate: str | None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


@pytest.mark.parametrize("code", list(foreign_errors._SQLITE_ERRORS))
@pytest.mark.parametrize("extended", [0, 1 << 8, 22 << 8])
def test_each_sqlite_result_code_has_its_error(code: int, extended: int):
    """Extended result codes are judged by their primary one, wrapped by SQLAlchemy or not."""
    kind, reason = foreign_errors._SQLITE_ERRORS[code]
    bare = FromSqlite("its own words", code | extended)
    for error in (bare, exc.OperationalError("SELECT 1", {}, bare)):
        ours = mapped(error)
        assert type(ours) is kind
        assert str(ours) == f"database: {reason} (its own words)"


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("55P03", StorageBusy),
        ("40P01", StorageBusy),
        ("40001", StorageBusy),
        ("08006", StorageUnavailable),
        ("53100", StorageUnavailable),
        ("57P01", StorageUnavailable),
        ("58030", StorageUnavailable),
        ("25006", StorageRefused),
        ("42501", StorageRefused),
        ("28P01", StorageRefused),
        ("3D000", StorageRefused),
        ("42P01", SchemaOutOfDate),
        ("42703", SchemaOutOfDate),
        ("23505", StorageError),
        (None, StorageError),
    ],
)
def test_each_sqlstate_has_its_error(sqlstate: str | None, kind: type[AgentVoiceError]):
    """A state of its own goes before its class."""
    assert type(mapped(exc.DBAPIError("SELECT 1", {}, FromServer("words", sqlstate)))) is kind


def test_a_lost_connection_may_come_back():
    """Whatever the driver says, an invalidated connection is StorageUnavailable."""
    error = exc.DBAPIError("SELECT 1", {}, FromServer("words", None), connection_invalidated=True)
    assert type(mapped(error)) is StorageUnavailable


def test_a_used_up_pool_is_busy():
    """Every connection in use: a retry may help."""
    assert type(mapped(exc.TimeoutError("QueuePool limit"))) is StorageBusy


def test_any_other_error_of_the_library_is_ours():
    """Nothing of SQLAlchemy leaves this floor."""
    assert type(mapped(exc.InvalidRequestError("odd"))) is StorageError


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELECT missing FROM item"])
def test_a_missing_table_or_column_asks_for_the_upgrade(database: Database, statement: str):
    """Both databases: the message names the command."""
    with pytest.raises(SchemaOutOfDate, match="agentvoice db upgrade"), database.reading() as session:
        session.execute(text(statement))


def test_messages_quote_no_row(database: Database):
    """What was said in a call does not stand in an error about it."""
    insert = text("INSERT INTO item (id, call_id, text) VALUES ('1', 'c', :text)")
    with pytest.raises(StorageError) as caught, database.writing() as session:
        session.execute(insert, {"text": "a private sentence"})
    assert "private" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [NotFound("agent"), ZeroDivisionError("1/0")])
def test_what_is_not_of_the_database_passes(error: Exception):
    """Our own errors, and faults of the code, are left as they are."""
    with pytest.raises(type(error)) as caught, mapped_errors():
        raise error
    assert caught.value is error


def test_the_foreign_error_stays_the_cause():
    """The trace still shows what happened below."""
    engine = create_engine("sqlite://")
    with pytest.raises(StorageError) as caught, mapped_errors(), engine.connect() as connection:
        connection.exec_driver_sql("SELEKT")
    assert isinstance(caught.value.__cause__, exc.OperationalError)
    engine.dispose()
