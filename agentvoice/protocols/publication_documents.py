"""The JSON documents of threads on their way to the relays, as protocols.documents has them in a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import Delivery, DeliveryPurpose, DeliveryState, Publication, ThreadEvent
from agentvoice.core.iso_time import iso_time
from agentvoice.core.publication_status import (
    RelayStatus,
    relay_statuses,
    tell_publication,
    waiting_for_root,
)
from agentvoice.errors import RemoteProtocolError


class DeliveryDocument(msgspec.Struct):
    """Where one event stands at one relay: `reason` is one word for why, `advice` what to do."""

    relay: str
    state: str
    attempts: int
    next_attempt_at: str | None
    last_answer: str
    reason: str = ""
    advice: str = ""


class RelayDocument(msgspec.Struct):
    """Where a thread stands at one relay: how many of its events are in each state, and why.

    `next_attempt_at` is null when nothing is to be sent; `last_answer` is the most telling one.
    """

    relay: str
    has_all: bool
    states: dict[str, int]
    next_attempt_at: str | None
    last_answer: str
    reason: str
    advice: str


class EventDocument(msgspec.Struct):
    """One event of a thread; `signer` is an npub."""

    id: str
    position: int
    signer: str
    deliveries: list[DeliveryDocument]


class PublicationDocument(msgspec.Struct):
    """A call's thread: `root` is an event id, `nevent` its link; both null before it is signed.

    `summary` says in words whether the call is published; `accepted_relays` is how many relays must
    have all of it; `error` is why it is not signed, and `advice` what to do about that. `edited`
    counts the turns that an operator changed, `redactions` what each rule took out; `deletions` are
    the events that take an unpublished thread back.
    """

    state: str
    root: str | None
    nevent: str | None
    events: list[EventDocument]
    summary: str = ""
    error: str = ""
    advice: str = ""
    prepared_at: str | None = None
    published_at: str | None = None
    accepted_relays: int = 1
    relays: list[RelayDocument] = msgspec.field(default_factory=list)
    edited: int = 0
    redactions: dict[str, int] = msgspec.field(default_factory=dict)
    unpublished_at: str | None = None
    deletions: list[EventDocument] = msgspec.field(default_factory=list)


class VerificationDocument(msgspec.Struct):
    """A thread as a relay gave it back: `events` of `expected`; `lost` are ids it accepted and lost."""

    relay: str
    verified: bool
    events: int
    expected: int
    lost: list[str]
    problems: list[str]


class PublicationChange(msgspec.Struct):
    """What a decision about a thread did: how many deliveries it changed, and where the thread stands."""

    call: str
    deliveries: int
    state: str


class ResendChange(PublicationChange):
    """As another try, and how many deliveries of it had been accepted and lost; how that was found."""

    lost: int
    verification: list[VerificationDocument]


class UnpublishChange(msgspec.Struct):
    """A thread that was taken back: `relays` may have some of it and are asked to delete it."""

    call: str
    state: str
    relays: list[str]


_change_decoder = msgspec.json.Decoder(PublicationChange)


def decode_change(body: bytes) -> PublicationChange:
    """Return what a daemon answered; raises RemoteProtocolError if it is something else."""
    try:
        return _change_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RemoteProtocolError(f"daemon: {error}") from error


class PublicationSummary(msgspec.Struct):
    """A thread in `publication list --json`: `complete_relays` of `relays` have all of it."""

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
    relays: int
    complete_relays: int
    next_attempt_at: str | None


def publication_summary(
    publication: Publication, *, relays: int = 0, complete_relays: int = 0, next_attempt_at: int = 0
) -> PublicationSummary:
    """Return a thread as it is listed; the counts are of its relays."""
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
        relays=relays,
        complete_relays=complete_relays,
        next_attempt_at=iso_time(next_attempt_at),
    )


@dataclass(frozen=True, slots=True)
class Wording:
    """What the documents of threads say in other formats' words, and against which setting.

    `nevent_of` is asked only once there is a root, and may have no link to give. `advice_of` is given
    a delivery, its event's author, whether it waits for its root, and whether the thread that it is
    part of was taken back; it returns the reason and what to do.
    """

    npub_of: Callable[[str], str]
    nevent_of: Callable[[Publication], str]
    advice_of: Callable[[Delivery, str, bool, bool], tuple[str, str]]
    advice_of_error: Callable[[str], str]
    accepted_relays: int


def publication_document(publication: Publication, words: Wording) -> PublicationDocument:
    """Return a call's thread as it is printed."""
    events = sorted(publication.events, key=lambda event: event.position)
    authors = {each.event.id: each.event.pubkey for each in (*events, *publication.deletions)}
    held = waiting_for_root(publication)

    def advice_of(delivery: Delivery) -> tuple[str, str]:
        is_taken_back = bool(publication.unpublished_at) and delivery.purpose is DeliveryPurpose.THREAD
        author = authors.get(delivery.event_id, "")
        return words.advice_of(delivery, author, delivery.id in held, is_taken_back)

    def documents(events: Sequence[ThreadEvent], deliveries: Sequence[Delivery]) -> list[EventDocument]:
        by_event: dict[str, list[DeliveryDocument]] = {}
        for delivery in deliveries:
            document = _delivery_document(delivery, *advice_of(delivery))
            by_event.setdefault(delivery.event_id, []).append(document)
        return [
            EventDocument(
                id=each.event.id,
                position=each.position,
                signer=words.npub_of(each.event.pubkey),
                deliveries=by_event.get(each.event.id, []),
            )
            for each in events
        ]

    return PublicationDocument(
        state=publication.state.value,
        root=events[0].event.id if events else None,
        nevent=(words.nevent_of(publication) or None) if events else None,
        events=documents(events, publication.deliveries),
        summary=tell_publication(publication, words.accepted_relays),
        error=publication.error,
        advice=words.advice_of_error(publication.error) if publication.error else "",
        prepared_at=iso_time(publication.prepared_at),
        published_at=iso_time(publication.published_at),
        accepted_relays=words.accepted_relays,
        relays=[_relay_document(each, *advice_of(each.telling)) for each in relay_statuses(publication)],
        edited=publication.edits,
        redactions=dict(publication.redactions),
        unpublished_at=iso_time(publication.unpublished_at),
        deletions=documents(publication.deletions, publication.deletion_deliveries),
    )


def _delivery_document(delivery: Delivery, reason: str, advice: str) -> DeliveryDocument:
    return DeliveryDocument(
        relay=delivery.relay,
        state=delivery.state.value,
        attempts=delivery.attempts,
        next_attempt_at=iso_time(delivery.next_attempt_at),
        last_answer=delivery.last_answer,
        reason=reason,
        advice=advice,
    )


def _relay_document(status: RelayStatus, reason: str, advice: str) -> RelayDocument:
    return RelayDocument(
        relay=status.relay,
        has_all=status.has_all,
        states=_counts(status.counts),
        next_attempt_at=iso_time(status.next_attempt_at),
        last_answer=status.telling.last_answer,
        reason=reason,
        advice=advice,
    )


def _counts(counts: Mapping[DeliveryState, int]) -> dict[str, int]:
    return {state.value: counts[state] for state in DeliveryState if counts.get(state)}
