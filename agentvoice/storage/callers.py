"""Whose a call is: what a client is shown of calls that it made itself."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from agentvoice.storage.conversations import list_calls, no_call
from agentvoice.storage.models import CallRow

LATEST = "last"
"""Names the newest call where a call's id is asked for."""


def find_own_call(session: Session, name: str, caller: str) -> str:
    """Return the id of a caller's call: `name` itself, or of its newest call for `last`.

    Raises NotFound: of a call of somebody else it says what it says of none, so that no id can be guessed.
    """
    if name == LATEST:
        newest = list_calls(session, caller=caller, limit=1)
        found = newest[0].id if newest else None
    else:
        found = session.scalar(select(CallRow.id).where(CallRow.id == name, CallRow.caller == caller))
    if found is None:
        raise no_call(name)
    return found


def callers_of(session: Session, call_ids: Collection[str]) -> dict[str, str]:
    """Return who made these calls, by call id; calls that are not there are left out."""
    if not call_ids:
        return {}
    rows = session.execute(select(CallRow.id, CallRow.caller).where(CallRow.id.in_(call_ids)))
    return {row.id: row.caller for row in rows}
