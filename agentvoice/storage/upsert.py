"""INSERT … ON CONFLICT, the same on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Table, and_, true
from sqlalchemy.orm import Session

from agentvoice.storage.models import Row

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def insert_missing(session: Session, row: type[Row], values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key, or another unique value, is there; return whether it was new."""
    insert = _insert_missing(_dialect(session), _table(row))
    return session.connection().execute(insert, dict(values)).first() is not None


def upsert(
    session: Session,
    row: type[Row],
    values: Mapping[str, Any],
    *,
    key: tuple[str, ...],
    fixed: tuple[str, ...],
) -> bool:
    """Insert a row, or change the one of the same `key`.

    The columns `fixed` never change: a row that has others there is left alone, and the answer is
    False. True: the row now is as `values` say.
    """
    insert = _upsert(_dialect(session), _table(row), tuple(values), key, fixed)
    return session.connection().execute(insert, dict(values)).first() is not None


# The statements are built once: building one takes ten times as long as running it. They answer by
# RETURNING, because not every driver counts the rows of an INSERT.


@cache
def _insert_missing(dialect: str, table: Table) -> postgresql.Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(
    dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...], fixed: tuple[str, ...]
) -> postgresql.Insert:
    insert = _insert(dialect, table)
    changing = {name: insert.excluded[name] for name in columns if name not in (*key, *fixed)}
    same = and_(true(), *(table.c[name] == insert.excluded[name] for name in fixed))
    return insert.on_conflict_do_update(index_elements=list(key), set_=changing, where=same)


def _insert(dialect: str, table: Table) -> postgresql.Insert:
    # Imported when needed: the other database's dialect costs every command a tenth of a second.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # the same methods
    # Two classes with the same methods; one of the two types must do for the checker.
    return cast("postgresql.Insert", insert(table).returning(*table.primary_key))


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _table(row: type[Row]) -> Table:
    return cast(Table, row.__table__)
