"""Threads of finished calls as they stand, and what the operator does with them.

They come into being in storage.preparations; the attempts themselves are in storage.deliveries.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CursorResult, Row, case, func, select, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.delivery import (
    Delivery,
    DeliveryEvent,
    DeliveryPurpose,
    DeliveryState,
    Publication,
    ThreadEvent,
    next_delivery_state,
    settle_parts,
    states_before,
)
from agentvoice.core.project import PublishPolicy
from agentvoice.errors import NotFound, Refused
from agentvoice.protocols.nostr.nip01 import parse_event
from agentvoice.protocols.nostr.nip09 import KIND_DELETION
from agentvoice.storage.models import CallRow
from agentvoice.storage.publication_models import DeliveryRow, EventRow, TurnEditRow

PAGE_PUBLICATIONS = 50


def refresh_publications(
    session: Session, call_ids: Collection[str], accepted_relays: int, now: int
) -> dict[str, PublicationState]:
    """Derive prepared calls' publication states from their deliveries, store and return them."""
    if not call_ids:
        return {}
    calls = lock_calls(session, call_ids)
    found: dict[str, list[tuple[str, str, DeliveryState]]] = {call_id: [] for call_id in calls}
    private = [call_id for call_id, call in calls.items() if call.policy == PublishPolicy.PRIVATE]
    # A thread is one part: whatever its length, its relays and their states are few.
    part = case((DeliveryRow.call_id.in_(private), DeliveryRow.event_id), else_="")
    rows = session.execute(
        select(DeliveryRow.call_id, part, DeliveryRow.relay, DeliveryRow.state)
        .where(DeliveryRow.call_id.in_(call_ids), DeliveryRow.purpose == DeliveryPurpose.THREAD)
        .distinct()
    )
    for call_id, of_part, relay, state in rows:
        found[call_id].append((of_part, relay, DeliveryState(state)))
    states = {}
    for call_id, call in calls.items():
        # Taken back: what relays do with it now is no publication.
        state = (
            PublicationState.NONE if call.unpublished_at else settle_parts(found[call_id], accepted_relays)
        )
        states[call_id] = state
        call.publication = state.value
        if state is PublicationState.PUBLISHED and not call.published_at:
            call.published_at = now
    session.flush()
    return states


def refresh_publication(session: Session, call_id: str, accepted_relays: int, now: int) -> PublicationState:
    """Derive a prepared call's publication state from its deliveries, store and return it."""
    return refresh_publications(session, (call_id,), accepted_relays, now)[call_id]


def lock_calls(session: Session, call_ids: Collection[str]) -> dict[str, CallRow]:
    """Return calls' rows as they are now, locked where the database locks rows; always in one order.

    Two who record outcomes of one thread do so one after the other, or each would miss the other's.
    """
    query = select(CallRow).where(CallRow.id.in_(call_ids)).order_by(CallRow.id)
    rows = session.scalars(query.with_for_update(), execution_options={"populate_existing": True})
    return {row.id: row for row in rows}


def list_publications(
    session: Session,
    *,
    state: PublicationState | None = None,
    before: str = "",
    limit: int = PAGE_PUBLICATIONS,
    calls: Collection[str] | None = None,
) -> tuple[Publication, ...]:
    """Return a page of publications without their events, the newest first.

    The next page is `before` the last call id of this one. Calls that have no thread and want none
    are left out unless `state` asks for them or the thread was taken back. `calls`: only threads of these.
    """
    query = select(CallRow).where(CallRow.state == CallState.ENDED)
    if state is None:
        query = query.where((CallRow.publication != PublicationState.NONE) | (CallRow.unpublished_at > 0))
    else:
        query = query.where(CallRow.publication == state)
    if before:
        query = query.where(CallRow.id < before)
    if calls is not None:
        query = query.where(CallRow.id.in_(calls))
    rows = session.scalars(query.order_by(CallRow.id.desc()).limit(limit)).all()
    edits = _count_edits(session, [row.id for row in rows])
    return tuple(replace(_publication(row), edits=edits.get(row.id, 0)) for row in rows)


def get_publication(session: Session, call_id: str) -> Publication:
    """Return where a call's thread stands, with its events and deliveries. Raises NotFound."""
    row = call_row(session, call_id)
    rows = session.scalars(select(EventRow).where(EventRow.call_id == call_id).order_by(EventRow.position))
    events = [ThreadEvent(call_id, each.position, parse_event(each.json.decode())) for each in rows]
    found = session.scalars(
        select(DeliveryRow)
        .join(EventRow, EventRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.call_id == call_id)
        .order_by(EventRow.position, DeliveryRow.id)
    )
    deliveries = [delivery_value(delivery) for delivery in found]
    return replace(
        _publication(row),
        events=tuple(each for each in events if each.event.kind != KIND_DELETION),
        deliveries=tuple(each for each in deliveries if each.purpose is DeliveryPurpose.THREAD),
        deletions=tuple(each for each in events if each.event.kind == KIND_DELETION),
        deletion_deliveries=tuple(each for each in deliveries if each.purpose is DeliveryPurpose.DELETION),
        edits=_count_edits(session, [call_id]).get(call_id, 0),
    )


def retry_publication(session: Session, call_id: str, now: int, accepted_relays: int, relay: str = "") -> int:
    """Queue again what did not get through, to all relays or one; return how many deliveries.

    A thread that could not be signed is queued to be signed. One that was taken back is never sent
    again: of it only deletions are queued. Raises NotFound, or Refused if there is none to queue.
    """
    row = call_row(session, call_id)
    if not row.prepared_at:
        if row.publication == PublicationState.FAILED and not row.do_not_publish:
            row.publication, row.publication_error = PublicationState.QUEUED.value, ""
            session.flush()
        return 0
    changes = {"attempts": 0, "created_at": now, "next_attempt_at": now}
    moved = _move(session, row, DeliveryEvent.RETRY_REQUESTED, changes, relay, accepted_relays, now)
    if row.unpublished_at and not moved:
        raise Refused(f"call {call_id}: it is unpublished; its thread is never sent again")
    return moved


def drop_publication(session: Session, call_id: str, now: int, accepted_relays: int, relay: str = "") -> int:
    """Give up what no relay, or one, has not accepted; return how many deliveries. Raises NotFound.

    A thread that is not signed yet never will be.
    """
    row = call_row(session, call_id)
    if row.state != CallState.ENDED:
        raise Refused(f"call {call_id}: it has not ended; end it first, or say so in it")
    if not row.prepared_at:
        row.publication = PublicationState.NONE.value
        session.flush()
        return 0
    return _move(session, row, DeliveryEvent.DROPPED, {}, relay, accepted_relays, now)


def delivery_value(row: DeliveryRow | Row[*tuple[Any, ...]]) -> Delivery:
    """Return a stored delivery, or a row with its columns, as a core value."""
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
        purpose=DeliveryPurpose(row.purpose),
    )


def _move(
    session: Session,
    call: CallRow,
    event: DeliveryEvent,
    changes: dict[str, Any],
    relay: str,
    accepted_relays: int,
    now: int,
) -> int:
    """Apply an operator's event to every delivery of a call that it is possible for.

    Of a thread that was taken back these are its deletions: the rest was dropped for good.
    """
    purpose = DeliveryPurpose.DELETION if call.unpublished_at else DeliveryPurpose.THREAD
    relays = session.scalars(select(DeliveryRow.relay).where(DeliveryRow.call_id == call.id).distinct())
    if relay and relay not in relays.all():
        raise NotFound(f"relay {relay!r}: call {call.id} has no delivery to it")
    moved = 0
    for state in states_before(event):
        query = update(DeliveryRow).where(
            DeliveryRow.call_id == call.id, DeliveryRow.state == state, DeliveryRow.purpose == purpose
        )
        if relay:
            query = query.where(DeliveryRow.relay == relay)
        target = next_delivery_state(state, event)
        # Of one that already is where it should be, only the times change.
        moved += count_rows(
            session.execute(query.values(state=target, locked_by="", locked_until=0, **changes))
        )
    refresh_publication(session, call.id, accepted_relays, now)
    return moved


def call_row(session: Session, call_id: str) -> CallRow:
    """Return a call's row, locked where the database locks rows. Raises NotFound."""
    row = session.get(CallRow, call_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(
            f"call {call_id!r}: no such call; `agentvoice publication list` shows those with a thread"
        )
    return row


def _count_edits(session: Session, call_ids: Sequence[str]) -> dict[str, int]:
    """Return how many turns of each call an operator edited; calls without edits are left out."""
    query = select(TurnEditRow.call_id, func.count()).where(TurnEditRow.call_id.in_(call_ids))
    return {call_id: count for call_id, count in session.execute(query.group_by(TurnEditRow.call_id))}


def _publication(row: CallRow) -> Publication:
    return Publication(
        call_id=row.id,
        project=row.project,
        state=PublicationState(row.publication),
        error=row.publication_error,
        ended_at=row.ended_at,
        prepared_at=row.prepared_at,
        published_at=row.published_at,
        redactions=json.loads(row.redactions) if row.redactions else {},
        unpublished_at=row.unpublished_at,
        is_private=row.policy == PublishPolicy.PRIVATE,
    )


def count_rows(result: object) -> int:
    """Return how many rows a statement changed."""
    assert isinstance(result, CursorResult)
    return result.rowcount
