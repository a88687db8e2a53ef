"""Events that a relay accepted and lost: queued again when the operator asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import update
from sqlalchemy.orm import Session

from agentvoice.core.delivery import DeliveryEvent, DeliveryPurpose, next_delivery_state, states_before
from agentvoice.errors import Refused
from agentvoice.storage.publication_models import DeliveryRow
from agentvoice.storage.publications import call_row, count_rows, refresh_publication

LOST = "it was accepted, and was not there when it was read back"


def queue_lost(
    session: Session, call_id: str, lost: Mapping[str, Collection[str]], now: int, accepted_relays: int
) -> int:
    """Queue events of a thread for the relays that accepted and lost them; return how many.

    `lost` has the ids of the events by relay.

    Raises NotFound, or Refused for a call that is not to be published any more.
    """
    row = call_row(session, call_id)
    if row.do_not_publish or row.unpublished_at:
        raise Refused(f"call {call_id}: it is not to be published any more; nothing is sent again")
    moved = sum(_queue(session, call_id, relay, event_ids, now) for relay, event_ids in lost.items())
    refresh_publication(session, call_id, accepted_relays, now)
    return moved


def _queue(session: Session, call_id: str, relay: str, event_ids: Collection[str], now: int) -> int:
    moved = 0
    for state in states_before(DeliveryEvent.FOUND_MISSING):
        queued = session.execute(
            update(DeliveryRow)
            .where(
                DeliveryRow.call_id == call_id,
                DeliveryRow.relay == relay,
                DeliveryRow.event_id.in_(event_ids),
                DeliveryRow.purpose == DeliveryPurpose.THREAD,
                DeliveryRow.state == state,
            )
            .values(
                state=next_delivery_state(state, DeliveryEvent.FOUND_MISSING),
                attempts=0,
                created_at=now,
                next_attempt_at=now,
                last_answer=LOST,
            )
        )
        moved += count_rows(queued)
    return moved
