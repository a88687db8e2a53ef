"""How many relays have the threads of a page of calls: counted by the database, no event is read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from agentvoice.core.delivery import OPEN_STATES, DeliveryPurpose, DeliveryState
from agentvoice.storage.publication_models import DeliveryRow


@dataclass(frozen=True, slots=True)
class RelayCount:
    """Of `relays` that a thread goes to, `complete` have all of it; `next_attempt_at` 0: none is open."""

    relays: int = 0
    complete: int = 0
    next_attempt_at: int = 0


def count_relays(session: Session, call_ids: Collection[str]) -> dict[str, RelayCount]:
    """Return the counts of calls by id; calls without deliveries are left out."""
    is_missing = case((DeliveryRow.state != DeliveryState.ACCEPTED, 1), else_=0)
    open_at = case((DeliveryRow.state.in_(OPEN_STATES), DeliveryRow.next_attempt_at))
    by_relay = (
        select(
            DeliveryRow.call_id,
            func.sum(is_missing).label("missing"),
            func.min(open_at).label("next_attempt_at"),
        )
        .where(DeliveryRow.call_id.in_(call_ids), DeliveryRow.purpose == DeliveryPurpose.THREAD)
        .group_by(DeliveryRow.call_id, DeliveryRow.relay)
        .subquery()
    )
    query = select(
        by_relay.c.call_id,
        func.count().label("relays"),
        func.sum(case((by_relay.c.missing == 0, 1), else_=0)).label("complete"),
        func.coalesce(func.min(by_relay.c.next_attempt_at), 0).label("next_attempt_at"),
    ).group_by(by_relay.c.call_id)
    return {
        row.call_id: RelayCount(row.relays, int(row.complete), int(row.next_attempt_at))
        for row in session.execute(query)
    }
