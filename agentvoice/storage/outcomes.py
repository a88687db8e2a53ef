"""How attempts ended, many in one transaction, and what that means for their threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from agentvoice.core.delivery import (
    OPEN_STATES,
    DeliveryEvent,
    DeliveryState,
    next_delivery_state,
    states_before,
)
from agentvoice.storage.deliveries import MAX_ANSWER_CHARS, Attempt, one_line
from agentvoice.storage.publication_models import DeliveryRow
from agentvoice.storage.publications import lock_calls, refresh_publications


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended: in the relay's words, and when to try again if it is worth it (UTC ms)."""

    attempt: Attempt
    event: DeliveryEvent
    answer: str
    next_attempt_at: int = 0


def record_outcomes(session: Session, outcomes: Sequence[Outcome], now: int, accepted_relays: int) -> None:
    """Record how attempts ended, and what it means for their threads.

    An acceptance counts even if the delivery was dropped meanwhile; any other outcome counts only
    for the process that holds the attempt. Replies share the fate of a root that will not arrive.
    """
    # Before any delivery, as everybody who locks both does.
    lock_calls(session, {outcome.attempt.delivery.call_id for outcome in outcomes})
    for event in sorted({outcome.event for outcome in outcomes}):
        _record(session, event, [outcome for outcome in outcomes if outcome.event is event])
    ended = [outcome for outcome in outcomes if outcome.event is not DeliveryEvent.POSTPONED]
    for outcome in ended:
        if outcome.attempt.delivery.is_root and outcome.event is not DeliveryEvent.ACCEPTED:
            _settle_replies(session, outcome)
    refresh_publications(
        session, {outcome.attempt.delivery.call_id for outcome in ended}, accepted_relays, now
    )


def expire_waiting(
    session: Session, relay: str, created_before: int, limit: int, now: int, accepted_relays: int
) -> int:
    """Give up what has waited too long for a relay that cannot be reached; return how many deliveries.

    Only one of them is attempted at a time, so the others' age is not noticed by their attempts.
    """
    waiting = DeliveryRow.relay == relay, DeliveryRow.state == DeliveryState.WAITING
    query = select(DeliveryRow.id, DeliveryRow.call_id).where(*waiting)
    too_old = session.execute(query.where(DeliveryRow.created_at <= created_before).limit(limit)).all()
    if not too_old:
        return 0
    call_ids = {call_id for _, call_id in too_old}
    lock_calls(session, call_ids)
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id.in_([delivery_id for delivery_id, _ in too_old]), *waiting)
        .values(state=next_delivery_state(DeliveryState.WAITING, DeliveryEvent.EXPIRED))
        .execution_options(synchronize_session=False)
    )
    refresh_publications(session, call_ids, accepted_relays, now)
    return len(too_old)


def _record(session: Session, event: DeliveryEvent, outcomes: Iterable[Outcome]) -> None:
    target = next_delivery_state(DeliveryState.ATTEMPTING, event)
    where = [DeliveryRow.id == bindparam("delivery_id")]
    if event is DeliveryEvent.ACCEPTED:
        where.append(or_(*(DeliveryRow.state == state for state in states_before(event))))
    else:
        where += [
            DeliveryRow.state == DeliveryState.ATTEMPTING,
            DeliveryRow.locked_by == bindparam("owner_id"),
        ]
    values = {"state": target, "last_answer": bindparam("answer"), "locked_by": "", "locked_until": 0}
    if event is DeliveryEvent.POSTPONED:
        values["next_attempt_at"] = bindparam("next_at")
    rows = [
        {
            "delivery_id": outcome.attempt.delivery.id,
            "owner_id": outcome.attempt.owner_id,
            "answer": one_line(outcome.answer),
            "next_at": outcome.next_attempt_at,
        }
        for outcome in outcomes
    ]
    session.connection().execute(update(DeliveryRow).where(*where).values(values), rows)


def _settle_replies(session: Session, outcome: Outcome) -> None:
    root = session.get_one(DeliveryRow, outcome.attempt.delivery.id, populate_existing=True)
    if root.state not in (DeliveryState.REJECTED, DeliveryState.EXPIRED):  # somebody else's attempt
        return
    session.execute(
        update(DeliveryRow)
        .where(
            DeliveryRow.call_id == root.call_id,
            DeliveryRow.relay == root.relay,
            DeliveryRow.is_root.is_(False),
            DeliveryRow.state.in_(states_before(outcome.event)),
            DeliveryRow.state.in_(OPEN_STATES),
        )
        .values(state=root.state, last_answer=f"with its root: {root.last_answer}"[:MAX_ANSWER_CHARS])
        .execution_options(synchronize_session=False)
    )
