"""Deliveries: one signed event for one relay, tried until the relay has it or never will."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agentvoice.core.call import PublicationState
from agentvoice.core.event import SignedEvent
from agentvoice.errors import InvalidTransition


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DROPPED = "dropped"


class DeliveryEvent(StrEnum):
    """What moves a delivery from state to state."""

    ATTEMPT_STARTED = "attempt_started"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    POSTPONED = "postponed"
    RELEASED = "released"
    EXPIRED = "expired"
    DROPPED = "dropped"
    RETRY_REQUESTED = "retry_requested"
    FOUND_MISSING = "found_missing"


class DeliveryPurpose(StrEnum):
    """Why a relay gets an event: it is part of the thread, or takes the thread back (NIP-09)."""

    THREAD = "thread"
    DELETION = "deletion"


OPEN_STATES = (DeliveryState.WAITING, DeliveryState.ATTEMPTING)
"""States in which the relay may still get the event."""

TRANSITIONS: dict[DeliveryState, dict[DeliveryEvent, DeliveryState]] = {
    DeliveryState.WAITING: {
        DeliveryEvent.ATTEMPT_STARTED: DeliveryState.ATTEMPTING,
        DeliveryEvent.POSTPONED: DeliveryState.WAITING,
        # A reply is rejected with its root, without an attempt of its own.
        DeliveryEvent.REJECTED: DeliveryState.REJECTED,
        DeliveryEvent.EXPIRED: DeliveryState.EXPIRED,
        DeliveryEvent.DROPPED: DeliveryState.DROPPED,
        DeliveryEvent.RETRY_REQUESTED: DeliveryState.WAITING,
    },
    DeliveryState.ATTEMPTING: {
        # The process that began the attempt died: its time has run out, another begins anew.
        DeliveryEvent.ATTEMPT_STARTED: DeliveryState.ATTEMPTING,
        DeliveryEvent.ACCEPTED: DeliveryState.ACCEPTED,
        DeliveryEvent.REJECTED: DeliveryState.REJECTED,
        DeliveryEvent.POSTPONED: DeliveryState.WAITING,
        # Claimed, and not sent after all: no attempt was made.
        DeliveryEvent.RELEASED: DeliveryState.WAITING,
        DeliveryEvent.EXPIRED: DeliveryState.EXPIRED,
        DeliveryEvent.DROPPED: DeliveryState.DROPPED,
    },
    # An answer may arrive after an operator dropped the delivery, or after another process took
    # over: what the relay has, it has.
    DeliveryState.ACCEPTED: {
        DeliveryEvent.ACCEPTED: DeliveryState.ACCEPTED,
        # It said so, and when it was read back it was not there: the operator has it sent again.
        DeliveryEvent.FOUND_MISSING: DeliveryState.WAITING,
    },
    DeliveryState.REJECTED: {
        DeliveryEvent.ACCEPTED: DeliveryState.ACCEPTED,
        DeliveryEvent.RETRY_REQUESTED: DeliveryState.WAITING,
        DeliveryEvent.DROPPED: DeliveryState.DROPPED,
    },
    DeliveryState.EXPIRED: {
        DeliveryEvent.ACCEPTED: DeliveryState.ACCEPTED,
        DeliveryEvent.RETRY_REQUESTED: DeliveryState.WAITING,
        DeliveryEvent.DROPPED: DeliveryState.DROPPED,
    },
    DeliveryState.DROPPED: {
        DeliveryEvent.ACCEPTED: DeliveryState.ACCEPTED,
        DeliveryEvent.RETRY_REQUESTED: DeliveryState.WAITING,
    },
}


def next_delivery_state(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """Return the state after `event`; raise InvalidTransition where the table has no entry."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise InvalidTransition(f"delivery: {event.value} is not possible while {state.value}") from None


def states_before(event: DeliveryEvent) -> tuple[DeliveryState, ...]:
    """Return the states in which `event` is possible: the condition of a stored transition."""
    return tuple(state for state, moves in TRANSITIONS.items() if event in moves)


@dataclass(frozen=True, slots=True)
class ThreadEvent:
    """A stored, signed event of a call's thread; `position` 0 is the root."""

    call_id: str
    position: int
    event: SignedEvent


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event × one relay. Times are UTC ms; `last_answer` is the relay's own words."""

    id: int
    call_id: str
    event_id: str
    relay: str
    is_root: bool
    state: DeliveryState
    attempts: int
    created_at: int
    next_attempt_at: int
    last_answer: str = ""
    purpose: DeliveryPurpose = DeliveryPurpose.THREAD


def settle_publication(
    deliveries: Iterable[tuple[str, DeliveryState]], accepted_relays: int
) -> PublicationState:
    """Return where a thread stands, from the (relay, state) of every delivery of its events.

    Published: at least `accepted_relays` relays (or all, if there are fewer) have every event.
    Otherwise queued while any delivery is open, then partial if any relay has anything, else failed.
    """
    by_relay: dict[str, list[DeliveryState]] = {}
    for relay, state in deliveries:
        by_relay.setdefault(relay, []).append(state)
    states = [state for found in by_relay.values() for state in found]
    complete = sum(set(found) == {DeliveryState.ACCEPTED} for found in by_relay.values())
    if complete and complete >= min(accepted_relays, len(by_relay)):
        return PublicationState.PUBLISHED
    if any(state in OPEN_STATES for state in states):
        return PublicationState.QUEUED
    return PublicationState.PARTIAL if DeliveryState.ACCEPTED in states else PublicationState.FAILED


def settle_parts(
    deliveries: Iterable[tuple[str, str, DeliveryState]], accepted_relays: int
) -> PublicationState:
    """Return where a call stands, from the (part, relay, state) of every delivery.

    A thread is one part, all of which a relay must have. Each wrap of a private call is a part of its
    own, since each reader has relays of their own. Published: every part is.
    """
    by_part: dict[str, list[tuple[str, DeliveryState]]] = {}
    for part, relay, state in deliveries:
        by_part.setdefault(part, []).append((relay, state))
    found = {settle_publication(pairs, accepted_relays) for pairs in by_part.values()}
    for unfinished in (PublicationState.QUEUED, PublicationState.PARTIAL):
        if unfinished in found:
            return unfinished
    if found == {PublicationState.PUBLISHED}:
        return PublicationState.PUBLISHED
    return PublicationState.PARTIAL if PublicationState.PUBLISHED in found else PublicationState.FAILED


@dataclass(frozen=True, slots=True)
class Publication:
    """A call's thread as stored: its events by position, and every event's deliveries.

    `error` says why nothing could be signed; times are UTC ms, 0: not yet. `prepared_at`: when the
    events were signed; `published_at`: when enough relays had all of them; `unpublished_at`: when the
    operator took the thread back, with `deletions` for the relays that may have it. `edits` counts
    the turns that an operator changed or left out, `redactions` what each rule took out.
    """

    call_id: str
    project: str
    state: PublicationState
    error: str
    ended_at: int
    prepared_at: int
    published_at: int
    events: tuple[ThreadEvent, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    edits: int = 0
    redactions: Mapping[str, int] = field(default_factory=dict)
    unpublished_at: int = 0
    deletions: tuple[ThreadEvent, ...] = ()
    deletion_deliveries: tuple[Delivery, ...] = ()
    is_private: bool = False
    """Its events are gift wraps, each for one reader at that reader's relays; there is no thread."""

    def relays_with_all(self) -> tuple[str, ...]:
        """Return the relays that accepted every event, in the order of the deliveries."""
        by_relay: dict[str, set[DeliveryState]] = {}
        for delivery in self.deliveries:
            if delivery.purpose is not DeliveryPurpose.THREAD:
                continue
            by_relay.setdefault(delivery.relay, set()).add(delivery.state)
        return tuple(relay for relay, states in by_relay.items() if states == {DeliveryState.ACCEPTED})
