"""INSERT … ON CONFLICT, the same on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import and_, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from agentvoice.storage.models import Row


def insert_missing(session: Session, row: type[Row], values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key, or another unique value, is there; return whether it was new."""
    return _is_done(session, row, _insert(session, row, values).on_conflict_do_nothing())


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
    insert = _insert(session, row, values)
    changing = {name: insert.excluded[name] for name in values if name not in (*key, *fixed)}
    same = and_(*(getattr(row, name) == insert.excluded[name] for name in fixed))
    return _is_done(
        session, row, insert.on_conflict_do_update(index_elements=list(key), set_=changing, where=same)
    )


def _insert(session: Session, row: type[Row], values: Mapping[str, Any]) -> postgresql.Insert:
    if session.get_bind().dialect.name == "sqlite":
        # Another class with the same methods; one of the two types must do for the checker.
        return cast(postgresql.Insert, sqlite.insert(row).values(**values))
    return postgresql.insert(row).values(**values)


def _is_done(session: Session, row: type[Row], insert: postgresql.Insert) -> bool:
    # RETURNING, because not every driver counts the rows of an INSERT.
    return session.execute(insert.returning(*inspect(row).primary_key)).first() is not None
