"""The queue of deliveries: what is due, attempts written down before they are made, times.

A claim locks its rows (PostgreSQL skips those that another process holds; SQLite has one writer at a
time), so two processes over one database never make the same attempt; one that dies in an attempt
leaves a lock that runs out. How attempts ended is recorded by storage.outcomes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.orm import Session, aliased

from agentvoice.core.delivery import (
    OPEN_STATES,
    Delivery,
    DeliveryEvent,
    DeliveryPurpose,
    DeliveryState,
    next_delivery_state,
)
from agentvoice.core.event import SignedEvent
from agentvoice.protocols.nostr.nip01 import parse_event
from agentvoice.storage.models import CallRow
from agentvoice.storage.publication_models import DeliveryRow, EventRow
from agentvoice.storage.publications import count_rows, delivery_value

MAX_ANSWER_CHARS = 500

_DELIVERY_COLUMNS = tuple(getattr(DeliveryRow, field.name) for field in fields(Delivery))


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that is written down: what to send where, and who may record its outcome."""

    delivery: Delivery
    event: SignedEvent
    owner_id: str
    event_bytes: int = 0
    """Size of the event's JSON, as it was signed and as it is sent."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims attempts, when, and what becomes of them if he dies. Times are UTC ms."""

    owner_id: str
    now: int
    retry_at: int
    """When to try again if this process dies meanwhile."""
    locked_until: int
    """Until when nobody else repeats the attempts."""


def list_due_relays(session: Session, now: int, busy: Collection[str] = ()) -> tuple[str, ...]:
    """Return the relays that something is due for, but those that are `busy`."""
    waiting = (
        select(DeliveryRow.relay)
        .where(
            DeliveryRow.state.in_(OPEN_STATES),
            DeliveryRow.next_attempt_at <= now,
            DeliveryRow.locked_until <= now,
            DeliveryRow.relay.not_in(busy),
        )
        .distinct()
    )
    return tuple(relay for relay in session.scalars(waiting).all() if _has_due(session, relay, now))


def list_due(session: Session, relay: str, now: int, limit: int) -> tuple[int, ...]:
    """Return the ids of a relay's due deliveries, in the order to try them.

    Replies are due once their root is accepted. The least tried come first, so that an event that
    a relay never answers does not hold up the others; then in the order they were stored: threads as
    they were signed, each root first. What another process left in an attempt comes before all.
    """
    found: list[int] = []
    for state in (DeliveryState.ATTEMPTING, DeliveryState.WAITING):
        query = select(DeliveryRow.id).where(DeliveryRow.relay == relay, *_is_due(state, now))
        query = query.order_by(DeliveryRow.attempts, DeliveryRow.id).limit(limit - len(found))
        found += session.scalars(query.with_for_update(skip_locked=True, of=DeliveryRow))
        if len(found) == limit:
            break
    return tuple(found)


def claim_due(session: Session, relay: str, claim: Claim, limit: int) -> tuple[Attempt, ...]:
    """Write down attempts of what is due for a relay, to be committed before dialling; in order."""
    due = list_due(session, relay, claim.now, limit)
    if not due:
        return ()
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_(due))
        .values(
            state=DeliveryState.ATTEMPTING,
            attempts=DeliveryRow.attempts + 1,
            next_attempt_at=claim.retry_at,
            locked_by=claim.owner_id,
            locked_until=claim.locked_until,
        )
        .execution_options(synchronize_session=False)
    )
    # Columns and not rows: thousands a second pass here.
    query = select(*_DELIVERY_COLUMNS, EventRow.json).join(EventRow, EventRow.id == DeliveryRow.event_id)
    found = session.execute(query.where(DeliveryRow.id.in_(due)))
    attempts = {row.id: _attempt(row, claim.owner_id) for row in found}
    return tuple(attempts[delivery_id] for delivery_id in due)


def release(session: Session, attempts: Sequence[Attempt], at: int) -> None:
    """Let claimed deliveries wait again until the given time: they were not sent, so it was no attempt."""
    if not attempts:
        return
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.id.in_([attempt.delivery.id for attempt in attempts]),
            DeliveryRow.state == DeliveryState.ATTEMPTING,
            DeliveryRow.locked_by == attempts[0].owner_id,
        )
        .values(
            state=next_delivery_state(DeliveryState.ATTEMPTING, DeliveryEvent.RELEASED),
            attempts=DeliveryRow.attempts - 1,
            next_attempt_at=at,
            locked_by="",
            locked_until=0,
        )
        .execution_options(synchronize_session=False)
    )


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
        .execution_options(synchronize_session=False)
    )


def hasten_relay(session: Session, relay: str, now: int) -> int:
    """Make everything that waits for a relay due: it is back. Return how many deliveries that were."""
    hastened = session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.relay == relay,
            DeliveryRow.state == DeliveryState.WAITING,
            DeliveryRow.next_attempt_at > now,
        )
        .values(next_attempt_at=now)
        .execution_options(synchronize_session=False)
    )
    return count_rows(hastened)


def list_postponed_relays(session: Session, after: int) -> tuple[str, ...]:
    """Return the relays that something waits for until later than the given time."""
    query = select(DeliveryRow.relay).where(
        DeliveryRow.state == DeliveryState.WAITING, DeliveryRow.next_attempt_at > after
    )
    return tuple(session.scalars(query.distinct()))


def has_strange_times(session: Session, next_limit: int, lock_limit: int) -> bool:
    """Return whether an open delivery has a time that no clock like ours would have given."""
    return any(
        session.scalar(select(DeliveryRow.id).where(*condition).limit(1)) is not None
        for condition in _strange_times(next_limit, lock_limit)
    )


def mend_strange_times(session: Session, next_limit: int, lock_limit: int, now: int) -> int:
    """Make due what waits for a time later than any that would be given now; return how many.

    The clock was ahead when it was written, and has been set back: what waits for that time might
    wait for years. `next_limit` bounds `next_attempt_at`, `lock_limit` an attempt's `locked_until`.
    """
    mended = 0
    for condition in _strange_times(next_limit, lock_limit):
        query = update(DeliveryRow).where(*condition).values(next_attempt_at=now, locked_until=0)
        mended += count_rows(session.execute(query.execution_options(synchronize_session=False)))
    return mended


def next_due_at(session: Session, call_id: str) -> int | None:
    """Return when the next delivery of a call is due (UTC ms), None if none is open."""
    query = select(DeliveryRow.next_attempt_at).where(
        DeliveryRow.call_id == call_id, DeliveryRow.state.in_(OPEN_STATES)
    )
    return session.scalar(query.order_by(DeliveryRow.next_attempt_at).limit(1))


def one_line(answer: str) -> str:
    """Return a relay's words on one line, cut to what is kept of them."""
    return " ".join(answer.split())[:MAX_ANSWER_CHARS]


def _attempt(row: Row[*tuple[Any, ...]], owner_id: str) -> Attempt:
    return Attempt(delivery_value(row), parse_event(row.json.decode()), owner_id, len(row.json))


def _has_due(session: Session, relay: str, now: int) -> bool:
    return any(
        session.scalar(
            select(DeliveryRow.id).where(DeliveryRow.relay == relay, *_is_due(state, now)).limit(1)
        )
        is not None
        for state in (DeliveryState.WAITING, DeliveryState.ATTEMPTING)
    )


def _is_due(state: DeliveryState, now: int) -> tuple[ColumnElement[bool], ...]:
    """One state at a time: then the index gives a relay's deliveries in the order to try them."""
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
        DeliveryRow.state == state,
        # The sum keeps SQLite from the index of this column, with which it would sort all that is due.
        DeliveryRow.next_attempt_at + 0 <= now,
        DeliveryRow.locked_until <= now,
        DeliveryRow.is_root.is_(True) | has_root,
        # Nothing holds back a deletion: it is all that is still sent of a call that was taken back.
        ~is_held_back | (DeliveryRow.purpose == DeliveryPurpose.DELETION),
    )


Condition = tuple[ColumnElement[bool], ...]


def _strange_times(next_limit: int, lock_limit: int) -> tuple[Condition, Condition]:
    return (
        (DeliveryRow.state.in_(OPEN_STATES), DeliveryRow.next_attempt_at > next_limit),
        (DeliveryRow.state == DeliveryState.ATTEMPTING, DeliveryRow.locked_until > lock_limit),
    )
