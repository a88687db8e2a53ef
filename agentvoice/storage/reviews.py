"""What an operator decides about calls that wait for review."""

from __future__ import annotations

from sqlalchemy.orm import Session

from agentvoice.core.call import PublicationState
from agentvoice.storage.publications import call_row


def approve_publication(session: Session, call_id: str) -> bool:
    """Let a call that waits for review be signed; return whether it was waiting. Raises NotFound."""
    return _decide_review(session, call_id, PublicationState.QUEUED)


def reject_publication(session: Session, call_id: str) -> bool:
    """Keep a call that waits for review from being signed; return whether it was waiting."""
    return _decide_review(session, call_id, PublicationState.NONE)


def _decide_review(session: Session, call_id: str, state: PublicationState) -> bool:
    row = call_row(session, call_id)
    if row.publication != PublicationState.REVIEW or row.do_not_publish:
        return False
    row.publication = state.value
    session.flush()
    return True
