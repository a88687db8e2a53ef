"""What an operator decides about calls that wait for review: their edits, and the last word.

Each function is one decision in one transaction: it holds the call's row and asks where it stands, so
of an approval and an edit at the same time the second is refused, in whichever process it is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.errors import Refused
from agentvoice.storage.models import CallRow
from agentvoice.storage.publication_models import TurnEditRow
from agentvoice.storage.publications import call_row

MAX_REASON_CHARS = 400
REJECTED = "rejected by the operator"


def approve_publication(session: Session, call_id: str) -> None:
    """Let a call that waits for review be signed. Raises NotFound, or Refused if it does not wait."""
    row = _waiting_row(session, call_id)
    row.publication, row.publication_error = PublicationState.QUEUED.value, ""
    session.flush()


def reject_publication(session: Session, call_id: str, reason: str = "") -> None:
    """Keep a call that waits for review from ever being published; its items stay. Raises as approving."""
    row = _waiting_row(session, call_id)
    row.publication = PublicationState.NONE.value
    row.publication_error = f"{REJECTED}: {reason[:MAX_REASON_CHARS]}" if reason else REJECTED
    session.flush()


def edit_turns(session: Session, call_id: str, edits: Mapping[int, str | None], now: int) -> None:
    """Store texts for turns of the published copy, by position: "" leaves a turn out, None undoes.

    Raises NotFound, or Refused if the call does not wait for review any more.
    """
    _waiting_row(session, call_id)
    for position, text in edits.items():
        row = session.get(TurnEditRow, (call_id, position), populate_existing=True)
        if text is None:
            if row is not None:
                session.delete(row)
        elif row is None:
            session.add(TurnEditRow(call_id=call_id, position=position, text=text, edited_at=now))
        elif row.text != text:
            row.text, row.edited_at = text, now
    session.flush()


def edits_of(session: Session, call_id: str) -> dict[int, str]:
    """Return the operator's texts by position; "" leaves a turn out."""
    query = select(TurnEditRow).where(TurnEditRow.call_id == call_id).order_by(TurnEditRow.position)
    return {row.position: row.text for row in session.scalars(query)}


def record_redactions(session: Session, call_id: str, counts: Mapping[str, int]) -> None:
    """Store how often each rule took something out of what is being signed."""
    session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, CallRow.prepared_at == 0)
        .values(redactions=json.dumps(dict(counts), sort_keys=True) if counts else "")
    )


def _waiting_row(session: Session, call_id: str) -> CallRow:
    row = call_row(session, call_id)
    if row.publication != PublicationState.REVIEW or row.do_not_publish:
        raise Refused(f"call {call_id}: it does not wait for review, {_where_it_stands(row)}")
    return row


def _where_it_stands(row: CallRow) -> str:
    if row.state != CallState.ENDED:
        return "it has not ended"
    if row.unpublished_at:
        return "it is unpublished"
    if row.do_not_publish:
        return "its caller wants it unpublished"
    if row.publication_error.startswith(REJECTED):
        return "it is rejected"
    if row.prepared_at:
        return f"its thread is signed ({row.publication})"
    if row.publication == PublicationState.QUEUED:
        return "it is approved or was never to be reviewed; its thread is about to be signed"
    return f"its thread is {row.publication}"
