"""Deleting old calls with all that belongs to them, a few rows in each transaction.

A call that was begun to be deleted is still one that may be: whoever dies in between, the next run
goes on. Rows go before what they refer to, the call itself last.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Delete, Table, delete, select, tuple_, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.delivery import OPEN_STATES
from agentvoice.storage.models import CallRow, Row
from agentvoice.storage.publication_models import DeliveryRow, EventRow
from agentvoice.storage.publications import count_rows
from agentvoice.storage.unpublications import lacks_deletion

_SETTLED = (
    PublicationState.NONE,
    PublicationState.PUBLISHED,
    PublicationState.PARTIAL,
    PublicationState.FAILED,
)


def list_prunable(session: Session, ended_before: int, limit: int) -> tuple[str, ...]:
    """Return the ids of the oldest calls that ended before the given time and may be deleted.

    Not those whose thread waits for review or to be signed, has a delivery that is still open, or was
    taken back and its deletions are not signed.
    """
    query = select(CallRow.id).where(_is_prunable(ended_before)).order_by(CallRow.id)
    return tuple(session.scalars(query.limit(limit)))


def prune_rows(session: Session, call_id: str, ended_before: int, limit: int) -> bool:
    """Delete a call's thread and at most `limit` other rows; return whether the call is gone.

    A call that may not be deleted any more (the operator retries its thread) is left as it is: True.
    """
    # Locked before it is judged: whoever has it queues deliveries that are to be seen here.
    session.execute(select(CallRow.id).where(CallRow.id == call_id).with_for_update())
    if session.scalar(select(CallRow.id).where(CallRow.id == call_id, _is_prunable(ended_before))) is None:
        return True
    _forget_thread(session, call_id)
    for table in _tables_of_calls():
        deleted = count_rows(session.execute(_delete_some(table, call_id, limit)))
        limit -= deleted
        if limit <= 0:
            return False
    session.execute(delete(CallRow).where(CallRow.id == call_id))
    return True


def _forget_thread(session: Session, call_id: str) -> None:
    """Make sure that of a call that is half gone nothing is signed or sent, whatever happens next."""
    session.execute(update(CallRow).where(CallRow.id == call_id).values(do_not_publish=True))
    for row in (DeliveryRow, EventRow):
        session.execute(delete(row).where(row.call_id == call_id))


def _is_prunable(ended_before: int) -> ColumnElement[bool]:
    is_open = (
        select(DeliveryRow.id)
        .where(DeliveryRow.call_id == CallRow.id, DeliveryRow.state.in_(OPEN_STATES))
        .exists()
    )
    # An author who has not signed the deletion may do so when the key is back.
    is_half_taken_back = select(EventRow.id).where(EventRow.call_id == CallRow.id, lacks_deletion()).exists()
    return (
        (CallRow.state == CallState.ENDED)
        & CallRow.publication.in_(_SETTLED)
        & (CallRow.ended_at < ended_before)
        & (CallRow.unpublished_at < ended_before)  # a relay's answer that comes late makes a deletion more
        & ~is_open
        & ~((CallRow.unpublished_at > 0) & is_half_taken_back)
    )


def _tables_of_calls() -> list[Table]:
    """Return every table whose rows belong to a call, those that refer to others first."""
    return [table for table in reversed(Row.metadata.sorted_tables) if "call_id" in table.columns]


def _delete_some(table: Table, call_id: str, limit: int) -> Delete:
    key = tuple(table.primary_key.columns)
    some = select(*key).where(table.c.call_id == call_id).limit(limit)
    return delete(table).where(tuple_(*key).in_(some))
