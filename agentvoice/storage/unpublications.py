"""Taking threads back: the operator's word, and what of it is still to be signed or queued (NIP-09).

The word stands at once and for good; the deletions follow from it, whenever their signers can be had
and whenever a relay turns out to have an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.orm import Session, aliased

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import OPEN_STATES, DeliveryPurpose, DeliveryState
from agentvoice.core.event import SignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import Refused
from agentvoice.protocols.nostr.nip01 import parse_event
from agentvoice.protocols.nostr.nip09 import KIND_DELETION
from agentvoice.storage.models import CallRow
from agentvoice.storage.preparations import MAX_ERROR_CHARS, event_row
from agentvoice.storage.publication_models import DeliveryRow, EventRow
from agentvoice.storage.publications import call_row


@dataclass(frozen=True, slots=True)
class DeletionNeed:
    """An author of a taken-back thread whose deletions are not signed: its events, root first."""

    call_id: str
    pubkey: str
    events: tuple[SignedEvent, ...]


def unpublish(session: Session, call_id: str, now: int) -> tuple[str, ...]:
    """Take a signed thread back: drop what is open of it, and let its deletions be made.

    Return the relays that may have some of it. A second time changes nothing. Raises NotFound, or
    Refused if nothing is signed, or by keys that were thrown away.
    """
    row = call_row(session, call_id)
    if not row.prepared_at:
        raise Refused(
            f"call {call_id}: nothing of it is signed, so nothing can be taken back;"
            " `agentvoice publication drop` keeps it from being signed"
        )
    if row.policy == PublishPolicy.PRIVATE:
        raise Refused(
            f"call {call_id}: a private thread cannot be taken back: its wraps are signed by keys that are"
            " thrown away; `agentvoice publication drop` gives up what no relay has yet"
        )
    if not row.unpublished_at:
        row.unpublished_at, row.publication = now, PublicationState.NONE.value
        session.flush()
        # The locks of attempts in flight stay: their deletions wait until those are surely over.
        session.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.call_id == call_id,
                DeliveryRow.purpose == DeliveryPurpose.THREAD,
                DeliveryRow.state.in_(OPEN_STATES),
            )
            .values(state=DeliveryState.DROPPED)
        )
    return tuple(session.scalars(_relays_in_need(call_id)))


def lacks_deletion() -> ColumnElement[bool]:
    """Whether an event is one of a thread whose author has not signed that it is taken back."""
    deletion = aliased(EventRow)
    is_signed = (
        select(deletion.id)
        .where(
            deletion.call_id == EventRow.call_id,
            deletion.pubkey == EventRow.pubkey,
            deletion.kind == KIND_DELETION,
        )
        .exists()
    )
    return (EventRow.kind != KIND_DELETION) & ~is_signed


def list_deletion_needs(session: Session, limit: int) -> tuple[DeletionNeed, ...]:
    """Return authors of taken-back threads whose deletions are still to be signed."""
    query = (
        select(EventRow.call_id, EventRow.pubkey)
        .join(CallRow, CallRow.id == EventRow.call_id)
        .where(CallRow.unpublished_at > 0, lacks_deletion())
        .group_by(EventRow.call_id, EventRow.pubkey)
        .order_by(EventRow.call_id, func.min(EventRow.position))
        .limit(limit)
    )
    return tuple(
        DeletionNeed(call_id, pubkey, _events_of(session, call_id, pubkey))
        for call_id, pubkey in session.execute(query).all()
    )


def store_deletions(session: Session, call_id: str, deletions: Sequence[SignedEvent], now: int) -> int:
    """Store an author's signed deletions, unless another process did, and queue them.

    Return how many deliveries that were.
    """
    row = call_row(session, call_id)
    pubkey = deletions[0].pubkey
    signed = select(EventRow.id).where(
        EventRow.call_id == call_id, EventRow.pubkey == pubkey, EventRow.kind == KIND_DELETION
    )
    if session.scalar(signed.limit(1)) is not None:
        return 0
    last = session.scalar(select(func.max(EventRow.position)).where(EventRow.call_id == call_id)) or 0
    session.add_all(
        event_row(call_id, position, event, event.content)
        for position, event in enumerate(deletions, last + 1)
    )
    row.publication_error = ""
    session.flush()
    return queue_deletions(session, call_id, now)


def queue_deletions(session: Session, call_id: str, now: int) -> int:
    """Queue the signed deletions of a call for every relay that may have some of it and lacks them.

    Return how many deliveries that were. A relay that is being sent an event gets them thereafter.
    """
    queued = 0
    deletions = session.scalars(
        select(EventRow.id).where(EventRow.call_id == call_id, EventRow.kind == KIND_DELETION)
    ).all()
    for relay in session.scalars(_relays_in_need(call_id)).all():
        has_them = select(DeliveryRow.event_id).where(
            DeliveryRow.relay == relay, DeliveryRow.event_id.in_(deletions)
        )
        known = set(session.scalars(has_them))
        busy_until = session.scalar(
            select(func.max(DeliveryRow.locked_until)).where(
                DeliveryRow.call_id == call_id,
                DeliveryRow.relay == relay,
                DeliveryRow.state == DeliveryState.DROPPED,
            )
        )
        due_at = max(now, busy_until or 0)
        missing = [event_id for event_id in deletions if event_id not in known]
        session.add_all(_delivery_row(call_id, event_id, relay, now, due_at) for event_id in missing)
        queued += len(missing)
    session.flush()
    return queued


def list_late_acceptances(session: Session, limit: int) -> tuple[str, ...]:
    """Return taken-back calls of which a relay has an event and no deletion: its answer came late."""
    deletion = aliased(DeliveryRow)
    has_deletion = (
        select(deletion.id)
        .where(
            deletion.call_id == DeliveryRow.call_id,
            deletion.relay == DeliveryRow.relay,
            deletion.purpose == DeliveryPurpose.DELETION,
        )
        .exists()
    )
    is_signed = (
        select(EventRow.id)
        .where(EventRow.call_id == DeliveryRow.call_id, EventRow.kind == KIND_DELETION)
        .exists()
    )
    query = (
        select(DeliveryRow.call_id)
        .join(CallRow, CallRow.id == DeliveryRow.call_id)
        .where(CallRow.unpublished_at > 0, _may_have_it(), is_signed, ~has_deletion)
        .distinct()
    )
    return tuple(session.scalars(query.limit(limit)))


def record_deletion_error(session: Session, call_id: str, error: str) -> None:
    """Record why a call's deletions cannot be signed for now."""
    session.execute(
        update(CallRow).where(CallRow.id == call_id).values(publication_error=error[:MAX_ERROR_CHARS])
    )


def _may_have_it() -> ColumnElement[bool]:
    """Whether a relay has an event, or was sent it and never said no."""
    was_sent = (DeliveryRow.attempts > 0) | (DeliveryRow.last_answer != "")
    return (DeliveryRow.purpose == DeliveryPurpose.THREAD) & (
        (DeliveryRow.state == DeliveryState.ACCEPTED)
        | (was_sent & (DeliveryRow.state != DeliveryState.REJECTED))
    )


def _relays_in_need(call_id: str) -> Select[str]:
    query = select(DeliveryRow.relay).where(DeliveryRow.call_id == call_id, _may_have_it())
    return query.group_by(DeliveryRow.relay).order_by(func.min(DeliveryRow.id))


def _events_of(session: Session, call_id: str, pubkey: str) -> tuple[SignedEvent, ...]:
    query = select(EventRow.json).where(EventRow.call_id == call_id, EventRow.pubkey == pubkey)
    return tuple(parse_event(each.decode()) for each in session.scalars(query.order_by(EventRow.position)))


def _delivery_row(call_id: str, event_id: str, relay: str, now: int, due_at: int) -> DeliveryRow:
    return DeliveryRow(
        call_id=call_id,
        event_id=event_id,
        relay=relay,
        is_root=True,
        state=DeliveryState.WAITING.value,
        attempts=0,
        created_at=now,
        next_attempt_at=due_at,
        purpose=DeliveryPurpose.DELETION.value,
    )
