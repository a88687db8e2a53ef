"""Preparing threads: one process claims a finished call, signs its thread and stores it, once.

The thread and all its deliveries are stored in one transaction: a call with `prepared_at` is never
signed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from agentvoice.core.call import CallState, PublicationState
from agentvoice.core.delivery import DeliveryState
from agentvoice.core.event import SignedEvent
from agentvoice.core.project import PublishPolicy
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.storage.models import CallRow
from agentvoice.storage.profiles import want_profiles
from agentvoice.storage.publication_models import DeliveryRow, EventRow
from agentvoice.storage.publications import count_rows

MAX_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A signed event, where it goes, and the text that its readers find in it."""

    event: SignedEvent
    relays: tuple[str, ...]
    text: str
    waits_for_root: bool


def outgoing_thread(events: Sequence[SignedEvent], relays: Sequence[str]) -> tuple[Outgoing, ...]:
    """Return the events of a thread, root first, each for all of the relays."""
    return tuple(
        Outgoing(event, tuple(relays), event.content, waits_for_root=position > 0)
        for position, event in enumerate(events)
    )


def list_unprepared(session: Session, now: int, limit: int, after: str = "") -> tuple[str, ...]:
    """Return a page of the ids of ended calls that wait to be signed and that no process is signing.

    The next page is `after` the last id of this one.
    """
    is_free = CallRow.publication_locked_until <= now
    query = select(CallRow.id).where(_is_unprepared(), is_free, CallRow.id > after)
    return tuple(session.scalars(query.order_by(CallRow.id).limit(limit)))


def claim_preparation(session: Session, call_id: str, owner_id: str, now: int, until: int) -> bool:
    """Take the right to sign a call's thread until the given time; return whether it is ours."""
    claimed = session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, _is_unprepared(), CallRow.publication_locked_until <= now)
        .values(publication_locked_by=owner_id, publication_locked_until=until)
    )
    return count_rows(claimed) == 1


def release_preparation(session: Session, call_id: str, owner_id: str, error: str = "") -> None:
    """Give the right back, so that the next sweep tries again; `error` says why it must."""
    session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, CallRow.publication_locked_by == owner_id)
        .values(
            publication_locked_by="", publication_locked_until=0, publication_error=error[:MAX_ERROR_CHARS]
        )
    )


def store_thread(
    session: Session, call_id: str, events: Sequence[SignedEvent], relays: Sequence[str], now: int
) -> bool:
    """Store a signed thread, root first, and one waiting delivery per event and relay; see store_events."""
    return store_events(session, call_id, outgoing_thread(events, relays), now)


def store_events(session: Session, call_id: str, outgoing: Sequence[Outgoing], now: int) -> bool:
    """Store the signed events of a call in order, and one waiting delivery for each of their relays.

    Return False, and store nothing, if there is a thread already or the call may not be published
    any more (`do not publish` came while it was signed). Without events the call has no thread.
    The relays of notes are to have the profiles of the agents that signed them as well.
    """
    state = PublicationState.QUEUED if outgoing else PublicationState.NONE
    frozen = session.execute(
        update(CallRow)
        .where(CallRow.id == call_id, _is_unprepared())
        .values(
            publication=state,
            publication_error="",
            prepared_at=now if outgoing else 0,
            publication_locked_by="",
            publication_locked_until=0,
        )
    )
    if count_rows(frozen) != 1:
        return False
    for position, each in enumerate(outgoing):
        session.add(event_row(call_id, position, each.event, each.text))
    session.flush()  # deliveries refer to their events
    for each in outgoing:
        session.add_all(
            DeliveryRow(
                call_id=call_id,
                event_id=each.event.id,
                relay=relay,
                is_root=not each.waits_for_root,
                state=DeliveryState.WAITING.value,
                attempts=0,
                created_at=now,
                next_attempt_at=now,
            )
            for relay in each.relays
        )
    session.flush()
    want_profiles(session, [(each.event, each.relays) for each in outgoing], now)
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
    return count_rows(failed) == 1


def _is_unprepared() -> ColumnElement[bool]:
    # The policy is asked here too: whatever queued the call, `off` is never published.
    return (
        (CallRow.state == CallState.ENDED)
        & (CallRow.publication == PublicationState.QUEUED)
        & (CallRow.prepared_at == 0)
        & CallRow.do_not_publish.is_(False)
        & (CallRow.policy != PublishPolicy.OFF)
    )


def event_row(call_id: str, position: int, event: SignedEvent, text: str) -> EventRow:
    """Return a signed event as its row; `text` is what its readers find in it."""
    return EventRow(
        id=event.id,
        call_id=call_id,
        position=position,
        pubkey=event.pubkey,
        kind=event.kind,
        created_at=event.created_at,
        json=encode_event(event).encode(),
        published_text=text,
    )
