"""The JSON documents of threads on their way to the relays, as protocols.documents has them in a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Delivery, Publication, ThreadEvent
from agentvoice.core.iso_time import iso_time


class DeliveryDocument(msgspec.Struct):
    """Where one event stands at one relay."""

    relay: str
    state: str
    attempts: int
    next_attempt_at: str | None
    last_answer: str


class EventDocument(msgspec.Struct):
    """One event of a thread; `signer` is an npub."""

    id: str
    position: int
    signer: str
    deliveries: list[DeliveryDocument]


class PublicationDocument(msgspec.Struct, omit_defaults=True):
    """A call's thread: `root` is an event id, `nevent` its link; both null before it is signed.

    `edited` counts the turns that an operator changed, `redactions` what each rule took out;
    `deletions` are the events that take an unpublished thread back. Those four stand in it only if
    there is something to say.
    """

    state: str
    root: str | None
    nevent: str | None
    events: list[EventDocument]
    edited: int = 0
    redactions: dict[str, int] = msgspec.field(default_factory=dict)
    unpublished_at: str | None = None
    deletions: list[EventDocument] = msgspec.field(default_factory=list)


class PublicationSummary(msgspec.Struct):
    """A thread in `publication list --json`."""

    call: str
    project: str
    state: str
    error: str
    ended_at: str | None
    published_at: str | None
    waiting: bool
    edited: int
    redactions: dict[str, int]
    unpublished_at: str | None


def publication_summary(publication: Publication) -> PublicationSummary:
    """Return a thread as it is listed."""
    return PublicationSummary(
        call=publication.call_id,
        project=publication.project,
        state=publication.state.value,
        error=publication.error,
        ended_at=iso_time(publication.ended_at),
        published_at=iso_time(publication.published_at),
        waiting=publication.state is PublicationState.REVIEW,
        edited=publication.edits,
        redactions=dict(publication.redactions),
        unpublished_at=iso_time(publication.unpublished_at),
    )


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return a delivery as it is printed."""
    return DeliveryDocument(
        relay=delivery.relay,
        state=delivery.state.value,
        attempts=delivery.attempts,
        next_attempt_at=iso_time(delivery.next_attempt_at),
        last_answer=delivery.last_answer,
    )


def publication_document(
    publication: Publication, *, npub_of: Callable[[str], str], nevent_of: Callable[[Publication], str]
) -> PublicationDocument:
    """Return a call's thread as it is printed; `nevent_of` is asked only once there is a root."""
    events = sorted(publication.events, key=lambda event: event.position)
    return PublicationDocument(
        state=publication.state.value,
        root=events[0].event.id if events else None,
        nevent=nevent_of(publication) if events else None,
        events=_event_documents(events, publication.deliveries, npub_of),
        edited=publication.edits,
        redactions=dict(publication.redactions),
        unpublished_at=iso_time(publication.unpublished_at),
        deletions=_event_documents(publication.deletions, publication.deletion_deliveries, npub_of),
    )


def _event_documents(
    events: Sequence[ThreadEvent], deliveries: Sequence[Delivery], npub_of: Callable[[str], str]
) -> list[EventDocument]:
    return [
        EventDocument(
            id=each.event.id,
            position=each.position,
            signer=npub_of(each.event.pubkey),
            deliveries=[delivery_document(one) for one in deliveries if one.event_id == each.event.id],
        )
        for each in events
    ]
