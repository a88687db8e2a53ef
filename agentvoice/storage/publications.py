"""Threads of finished calls: from the claim to sign one, to its events and deliveries, and what the
operator does with them. The attempts themselves are in storage.deliveries.

The thread and all its deliveries are stored in one transaction, once: a call with `prepared_at` is
never signed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.delivery import (
    Delivery,
    DeliveryEvent,
    DeliveryState,
    Publication,
    ThreadEvent,
    next_delivery_state,
    settle_publication,
    states_before,
)
from agentvoice.core.event import SignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.protocols.nostr.nip01 import encode_event, parse_event
from agentvoice.storage.models import CallRow, DeliveryRow, EventRow

PAGE_PUBLICATIONS = 50
MAX_ERROR_CHARS = 500


# Preparing: one process signs, once.


def list_unprepared(session: Session, now: int, limit: int) -> tuple[str, ...]:
    """Return the ids of ended calls that wait to be signed and that no process is signing."""
    query = select(CallRow.id).where(_is_unprepared(), CallRow.publication_locked_until <= now)
    return tuple(session.scalars(query.order_by(CallRow.id).limit(limit)))


def claim_preparation(session: Session, call_id: str, owner_id: str, now: int, until: int) -> bool:
    """Take the right to sign a call's thread until the given time; return whether it is ours."""
    claimed = session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, _is_unprepared(), CallRow.publication_locked_until <= now)
        .values(publication_locked_by=owner_id, publication_locked_until=until)
    )
    return _count(claimed) == 1


def release_preparation(session: Session, call_id: str, owner_id: str) -> None:
    """Give the right back, so that the next sweep tries again."""
    session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, CallRow.publication_locked_by == owner_id)
        .values(publication_locked_by="", publication_locked_until=0)
    )


def store_thread(
    session: Session, call_id: str, events: Sequence[SignedEvent], relays: Sequence[str], now: int
) -> bool:
    """Store a signed thread, root first, and one waiting delivery per event and relay.

    Return False, and store nothing, if there is a thread already or the call may not be published
    any more (`do not publish` came while it was signed). Without events the call has no thread.
    """
    state = PublicationState.QUEUED if events else PublicationState.NONE
    frozen = session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, _is_unprepared())
        .values(
            publication=state,
            publication_error="",
            prepared_at=now if events else 0,
            publication_locked_by="",
            publication_locked_until=0,
        )
    )
    if _count(frozen) != 1:
        return False
    for position, event in enumerate(events):
        session.add(_event_row(call_id, position, event))
    session.flush()  # deliveries refer to their events
    for position, event in enumerate(events):
        session.add_all(
            DeliveryRow(
                call_id=call_id,
                event_id=event.id,
                relay=relay,
                is_root=position == 0,
                state=DeliveryState.WAITING.value,
                attempts=0,
                created_at=now,
                next_attempt_at=now,
            )
            for relay in relays
        )
    session.flush()
    return True


def fail_preparation(session: Session, call_id: str, error: str) -> bool:
    """Record why a call's thread cannot be signed; `retry_publication` queues it again."""
    failed = session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, _is_unprepared())
        .values(
            publication=PublicationState.FAILED,
            publication_error=error[:MAX_ERROR_CHARS],
            publication_locked_by="",
            publication_locked_until=0,
        )
    )
    return _count(failed) == 1


def refresh_publication(session: Session, call_id: str, accepted_relays: int, now: int) -> PublicationState:
    """Derive a prepared call's publication state from its deliveries, store and return it."""
    pairs = session.execute(
        select(DeliveryRow.relay, DeliveryRow.state).where(DeliveryRow.call_id == call_id).distinct()
    )
    state = settle_publication([(relay, DeliveryState(found)) for relay, found in pairs], accepted_relays)
    session.execute(update(CallRow).where(CallRow.id == call_id).values(publication=state))
    if state is PublicationState.PUBLISHED:
        session.execute(
            update(CallRow).where(CallRow.id == call_id, CallRow.published_at == 0).values(published_at=now)
        )
    return state


# What the operator sees and does.


def list_publications(
    session: Session,
    *,
    state: PublicationState | None = None,
    before: str = "",
    limit: int = PAGE_PUBLICATIONS,
) -> tuple[Publication, ...]:
    """Return a page of publications without their events, the newest first.

    The next page is `before` the last call id of this one. Calls that have no thread and want none
    are left out unless `state` asks for them.
    """
    query = select(CallRow).where(CallRow.state == CallState.ENDED)
    if state is None:
        query = query.where(CallRow.publication != PublicationState.NONE)
    else:
        query = query.where(CallRow.publication == state)
    if before:
        query = query.where(CallRow.id < before)
    return tuple(_publication(row) for row in session.scalars(query.order_by(CallRow.id.desc()).limit(limit)))


def get_publication(session: Session, call_id: str) -> Publication:
    """Return where a call's thread stands, with its events and deliveries. Raises NotFound."""
    row = _call_row(session, call_id)
    events = session.scalars(select(EventRow).where(EventRow.call_id == call_id).order_by(EventRow.position))
    deliveries = session.scalars(
        select(DeliveryRow)
        .join(EventRow, EventRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.call_id == call_id)
        .order_by(EventRow.position, DeliveryRow.id)
    )
    return _publication(
        row,
        tuple(ThreadEvent(call_id, event.position, parse_event(event.json.decode())) for event in events),
        tuple(delivery_value(delivery) for delivery in deliveries),
    )


def retry_publication(session: Session, call_id: str, now: int, accepted_relays: int, relay: str = "") -> int:
    """Queue again what did not get through, to all relays or one; return how many deliveries.

    A thread that could not be signed is queued to be signed. Raises NotFound.
    """
    row = _call_row(session, call_id)
    if not row.prepared_at:
        if row.publication == PublicationState.FAILED and not row.do_not_publish:
            row.publication, row.publication_error = PublicationState.QUEUED.value, ""
            session.flush()
        return 0
    changes = {"attempts": 0, "created_at": now, "next_attempt_at": now}
    return _move(session, row, DeliveryEvent.RETRY_REQUESTED, changes, relay, accepted_relays, now)


def drop_publication(session: Session, call_id: str, now: int, accepted_relays: int, relay: str = "") -> int:
    """Give up what no relay, or one, has not accepted; return how many deliveries. Raises NotFound.

    A thread that is not signed yet never will be.
    """
    row = _call_row(session, call_id)
    if row.state != CallState.ENDED:
        raise Refused(f"call {call_id}: it has not ended; end it first, or say so in it")
    if not row.prepared_at:
        row.publication = PublicationState.NONE.value
        session.flush()
        return 0
    return _move(session, row, DeliveryEvent.DROPPED, {}, relay, accepted_relays, now)


def approve_publication(session: Session, call_id: str) -> bool:
    """Let a call that waits for review be signed; return whether it was waiting. Raises NotFound."""
    return _decide_review(session, call_id, PublicationState.QUEUED)


def reject_publication(session: Session, call_id: str) -> bool:
    """Keep a call that waits for review from being signed; return whether it was waiting."""
    return _decide_review(session, call_id, PublicationState.NONE)


def delivery_value(row: DeliveryRow) -> Delivery:
    """Return a stored delivery as a core value."""
    return Delivery(
        id=row.id,
        call_id=row.call_id,
        event_id=row.event_id,
        relay=row.relay,
        is_root=row.is_root,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        last_answer=row.last_answer,
    )


def _is_unprepared() -> ColumnElement[bool]:
    # The policy is asked here too: whatever queued the call, `off` is never published.
    return (
        (CallRow.state == CallState.ENDED)
        & (CallRow.publication == PublicationState.QUEUED)
        & (CallRow.prepared_at == 0)
        & CallRow.do_not_publish.is_(False)
        & (CallRow.policy != PublishPolicy.OFF)
    )


def _decide_review(session: Session, call_id: str, state: PublicationState) -> bool:
    row = _call_row(session, call_id)
    if row.publication != PublicationState.REVIEW or row.do_not_publish:
        return False
    row.publication = state.value
    session.flush()
    return True


def _move(
    session: Session,
    call: CallRow,
    event: DeliveryEvent,
    changes: dict[str, Any],
    relay: str,
    accepted_relays: int,
    now: int,
) -> int:
    """Apply an operator's event to every delivery of a call that it is possible for."""
    relays = session.scalars(select(DeliveryRow.relay).where(DeliveryRow.call_id == call.id).distinct())
    if relay and relay not in relays.all():
        raise NotFound(f"relay {relay!r}: call {call.id} has no delivery to it")
    moved = 0
    for state in states_before(event):
        query = update(DeliveryRow).where(DeliveryRow.call_id == call.id, DeliveryRow.state == state)
        if relay:
            query = query.where(DeliveryRow.relay == relay)
        target = next_delivery_state(state, event)
        # Of one that already is where it should be, only the times change.
        moved += _count(session.execute(query.values(state=target, locked_by="", locked_until=0, **changes)))
    refresh_publication(session, call.id, accepted_relays, now)
    return moved


def _event_row(call_id: str, position: int, event: SignedEvent) -> EventRow:
    return EventRow(
        id=event.id,
        call_id=call_id,
        position=position,
        pubkey=event.pubkey,
        kind=event.kind,
        created_at=event.created_at,
        json=encode_event(event).encode(),
        published_text=event.content,
    )


def _call_row(session: Session, call_id: str) -> CallRow:
    row = session.get(CallRow, call_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(
            f"call {call_id!r}: no such call; `agentvoice publication list` shows those with a thread"
        )
    return row


def _publication(
    row: CallRow, events: tuple[ThreadEvent, ...] = (), deliveries: tuple[Delivery, ...] = ()
) -> Publication:
    return Publication(
        call_id=row.id,
        project=row.project,
        state=PublicationState(row.publication),
        error=row.publication_error,
        ended_at=row.ended_at,
        prepared_at=row.prepared_at,
        published_at=row.published_at,
        events=events,
        deliveries=deliveries,
    )


def _count(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
