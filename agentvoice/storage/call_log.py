"""What happened to a call besides its items: sessions lost, leases taken, who ended it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from agentvoice.storage.models import CallLogRow


@dataclass(frozen=True, slots=True)
class CallLogEntry:
    """One happening. `name` is a short word in the past tense (`session_lost`)."""

    call_id: str
    happened_at: int  # UTC ms
    name: str
    detail: str = ""


def add_log_entry(session: Session, entry: CallLogEntry) -> None:
    """Store a happening."""
    session.add(
        CallLogRow(call_id=entry.call_id, happened_at=entry.happened_at, name=entry.name, detail=entry.detail)
    )
    session.flush()


def log_of(session: Session, call_id: str) -> tuple[CallLogEntry, ...]:
    """Return what happened to a call, in order."""
    rows = session.scalars(select(CallLogRow).where(CallLogRow.call_id == call_id).order_by(CallLogRow.id))
    return tuple(CallLogEntry(row.call_id, row.happened_at, row.name, row.detail) for row in rows)
