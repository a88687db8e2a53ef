"""INSERT … ON CONFLICT, the same on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from agentvoice.storage.models import Row


def insert_missing(session: Session, row: type[Row], values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key, or another unique value, is there; return whether it was new."""
    if session.get_bind().dialect.name == "sqlite":
        return _count(session.execute(sqlite.insert(row).values(**values).on_conflict_do_nothing())) == 1
    return _count(session.execute(postgresql.insert(row).values(**values).on_conflict_do_nothing())) == 1


def upsert(
    session: Session,
    row: type[Row],
    values: Mapping[str, Any],
    *,
    key: Sequence[str],
    fixed: Sequence[str],
) -> bool:
    """Insert a row, or change the one of the same `key`.

    The columns `fixed` never change: a row that has others there is left alone, and the answer is
    False. True: the row now is as `values` say.
    """
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert: Any = (sqlite.insert if is_sqlite else postgresql.insert)(row).values(**values)
    changing = {name: insert.excluded[name] for name in values if name not in (*key, *fixed)}
    same = [getattr(row, name) == insert.excluded[name] for name in fixed]
    for condition in same[1:]:
        same[0] = same[0] & condition
    statement = insert.on_conflict_do_update(index_elements=list(key), set_=changing, where=same[0])
    return _count(session.execute(statement)) == 1


def _count(result: Any) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
