"""The queue of deliveries: what is due, attempts written down before they are made, outcomes.

A claim is a conditional UPDATE, so two processes over one database never make the same attempt; one
that dies in an attempt leaves a lock that runs out.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.orm import Session, aliased

from agentvoice.core.delivery import (
    OPEN_STATES,
    Delivery,
    DeliveryEvent,
    DeliveryPurpose,
    DeliveryState,
    next_delivery_state,
    states_before,
)
from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import parse_event
from agentvoice.storage.models import CallRow
from agentvoice.storage.publication_models import DeliveryRow, EventRow
from agentvoice.storage.publications import delivery_value, refresh_publication

MAX_ANSWER_CHARS = 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is written down: what to send where, and who may record its outcome."""

    delivery: Delivery
    event: SignedEvent
    owner_id: str


def list_due_relays(session: Session, now: int) -> tuple[str, ...]:
    """Return the relays that something is due for."""
    return tuple(session.scalars(select(DeliveryRow.relay).where(_is_due(now)).distinct()))


def list_due(session: Session, relay: str, now: int, limit: int) -> tuple[int, ...]:
    """Return the ids of a relay's due deliveries, in the order to try them.

    Replies are due once their root is accepted. The least tried come first, so that an event that
    a relay never answers does not hold up the others; then calls by age and events by position.
    """
    query = (
        select(DeliveryRow.id)
        .join(EventRow, EventRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.relay == relay, _is_due(now))
        .order_by(DeliveryRow.attempts, DeliveryRow.call_id, EventRow.position)
    )
    return tuple(session.scalars(query.limit(limit)))


def start_attempt(
    session: Session, delivery_id: int, owner_id: str, now: int, next_attempt_at: int, locked_until: int
) -> Attempt | None:
    """Write down an attempt, to be committed before dialling; None if it is not due any more.

    `next_attempt_at` is when to try again if this process dies meanwhile.
    """
    started = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == delivery_id, _is_due(now))
        .values(
            state=DeliveryState.ATTEMPTING,
            attempts=DeliveryRow.attempts + 1,
            next_attempt_at=next_attempt_at,
            locked_by=owner_id,
            locked_until=locked_until,
        )
        .execution_options(synchronize_session=False)
    )
    if _count(started) != 1:
        return None
    row = session.get_one(DeliveryRow, delivery_id, populate_existing=True)
    event = session.get_one(EventRow, row.event_id)
    return Attempt(delivery_value(row), parse_event(event.json.decode()), owner_id)


def record_outcome(
    session: Session,
    attempt: Attempt,
    outcome: DeliveryEvent,
    answer: str,
    now: int,
    accepted_relays: int,
    next_attempt_at: int = 0,
) -> None:
    """Record how an attempt ended, and what it means for its thread.

    An acceptance counts even if the delivery was dropped meanwhile; any other outcome counts only
    for the process that holds the attempt. Replies share the fate of a root that will not arrive.
    """
    row = session.get_one(DeliveryRow, attempt.delivery.id, with_for_update=True, populate_existing=True)
    is_ours = row.state == DeliveryState.ATTEMPTING and row.locked_by == attempt.owner_id
    if outcome is not DeliveryEvent.ACCEPTED and not is_ours:
        return
    if DeliveryState(row.state) not in states_before(outcome):  # accepted, and queued again since
        return
    row.state = next_delivery_state(DeliveryState(row.state), outcome).value
    row.last_answer = one_line(answer)
    row.locked_by, row.locked_until = "", 0
    row.next_attempt_at = next_attempt_at or row.next_attempt_at
    session.flush()
    if row.is_root and row.state in (DeliveryState.REJECTED, DeliveryState.EXPIRED):
        _settle_replies(session, row, outcome)
    refresh_publication(session, row.call_id, accepted_relays, now)


def postpone_relay(session: Session, relay: str, until: int) -> None:
    """Let everything that waits for a relay wait until the given time at least."""
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.relay == relay,
            DeliveryRow.state == DeliveryState.WAITING,
            DeliveryRow.next_attempt_at < until,
        )
        .values(next_attempt_at=until)
    )


def hasten_relay(session: Session, relay: str, now: int) -> None:
    """Make everything that waits for a relay due: it is back."""
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.relay == relay,
            DeliveryRow.state == DeliveryState.WAITING,
            DeliveryRow.next_attempt_at > now,
        )
        .values(next_attempt_at=now)
    )


def next_due_at(session: Session, call_id: str) -> int | None:
    """Return when the next delivery of a call is due (UTC ms), None if none is open."""
    query = select(DeliveryRow.next_attempt_at).where(
        DeliveryRow.call_id == call_id, DeliveryRow.state.in_(OPEN_STATES)
    )
    return session.scalar(query.order_by(DeliveryRow.next_attempt_at).limit(1))


def _is_due(now: int) -> ColumnElement[bool]:
    root = aliased(DeliveryRow)
    has_root = (
        select(root.id)
        .where(
            root.call_id == DeliveryRow.call_id,
            root.relay == DeliveryRow.relay,
            root.is_root.is_(True),
            root.state == DeliveryState.ACCEPTED,
        )
        .exists()
    )
    is_held_back = (
        select(CallRow.id).where(CallRow.id == DeliveryRow.call_id, CallRow.do_not_publish.is_(True)).exists()
    )
    return (
        DeliveryRow.state.in_(states_before(DeliveryEvent.ATTEMPT_STARTED))
        & (DeliveryRow.next_attempt_at <= now)
        & (DeliveryRow.locked_until <= now)
        & (DeliveryRow.is_root.is_(True) | has_root)
        # Nothing holds back a deletion: it is all that is still sent of a call that was taken back.
        & (~is_held_back | (DeliveryRow.purpose == DeliveryPurpose.DELETION))
    )


def _settle_replies(session: Session, root: DeliveryRow, outcome: DeliveryEvent) -> None:
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.call_id == root.call_id,
            DeliveryRow.relay == root.relay,
            DeliveryRow.is_root.is_(False),
            DeliveryRow.state.in_(states_before(outcome)),
            DeliveryRow.state.in_(OPEN_STATES),
        )
        .values(state=root.state, last_answer=f"with its root: {root.last_answer}"[:MAX_ANSWER_CHARS])
    )


def one_line(answer: str) -> str:
    """Return a relay's words on one line, cut to what is kept of them."""
    return " ".join(answer.split())[:MAX_ANSWER_CHARS]


def _count(result: object) -> int:
    assert isinstance(result, CursorResult)
    return result.rowcount
