"""Where a thread stands, in words: relay by relay, and as a whole.

Whether a thread is published is decided by core.delivery.settle_publication; here it is told why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentvoice.core.call import PublicationState
from agentvoice.core.delivery import (
    OPEN_STATES,
    Delivery,
    DeliveryPurpose,
    DeliveryState,
    Publication,
    settle_publication,
)

# Of a relay's deliveries the one that says most about it is of the first of these states.
_TELLING = (
    DeliveryState.REJECTED,
    DeliveryState.EXPIRED,
    DeliveryState.ATTEMPTING,
    DeliveryState.WAITING,
    DeliveryState.DROPPED,
    DeliveryState.ACCEPTED,
)


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """Where a thread stands at one relay.

    `telling` is the delivery that says why it does not stand better. `next_attempt_at` (UTC ms) is
    when the relay is tried next, 0 if nothing is to be sent.
    """

    relay: str
    counts: Mapping[DeliveryState, int]
    telling: Delivery
    next_attempt_at: int

    @property
    def events(self) -> int:
        """How many events are for this relay."""
        return sum(self.counts.values())

    @property
    def has_any(self) -> bool:
        """Whether the relay accepted at least one event."""
        return bool(self.counts.get(DeliveryState.ACCEPTED, 0))

    @property
    def has_all(self) -> bool:
        """Whether the relay accepted every event."""
        return self.counts.get(DeliveryState.ACCEPTED, 0) == self.events


def thread_deliveries(publication: Publication) -> tuple[Delivery, ...]:
    """Return the deliveries of the thread: what takes it back (NIP-09) is not part of it."""
    return tuple(each for each in publication.deliveries if each.purpose is DeliveryPurpose.THREAD)


def relay_statuses(publication: Publication) -> tuple[RelayStatus, ...]:
    """Return where the thread stands at each relay, in the order of the deliveries."""
    by_relay: dict[str, list[Delivery]] = {}
    for delivery in thread_deliveries(publication):
        by_relay.setdefault(delivery.relay, []).append(delivery)
    held = waiting_for_root(publication)
    return tuple(_relay_status(relay, found, held) for relay, found in by_relay.items())


def waiting_for_root(publication: Publication) -> frozenset[int]:
    """Return the ids of the open deliveries whose root the relay does not have yet."""
    deliveries = thread_deliveries(publication)
    with_root = {each.relay for each in deliveries if each.is_root and each.state is DeliveryState.ACCEPTED}
    return frozenset(
        each.id
        for each in deliveries
        if not each.is_root and each.state in OPEN_STATES and each.relay not in with_root
    )


def tell_publication(publication: Publication, accepted_relays: int) -> str:
    """Return in one sentence whether the call is published, and why not."""
    state = publication.state
    if publication.unpublished_at:
        return "Not published any more: the operator took it back."
    if state is PublicationState.NONE:
        return "Not published, and it will not be: nothing was said, or the policy, the caller or the operator says so."
    if state is PublicationState.REVIEW:
        return "Not published: it waits for review."
    statuses = relay_statuses(publication)
    if not statuses:
        waits = "Not published yet: the thread waits to be signed"
        said = "Not published: the thread could not be signed" if state is PublicationState.FAILED else waits
        return f"{said}: {publication.error}" if publication.error else f"{said}."
    has, must = (
        _tell_private(publication, accepted_relays)
        if publication.is_private
        else _tell_thread(statuses, accepted_relays)
    )
    match state:
        case PublicationState.PUBLISHED:
            return f"Published: {has}."
        case PublicationState.QUEUED:
            return f"Not published yet: {has}, {must} must."
        case _:
            return f"Not published: {has}, {must} must, and nothing more is tried."


def _tell_thread(statuses: Sequence[RelayStatus], accepted_relays: int) -> tuple[str, str]:
    """Return how many relays have the thread, and how many must."""
    complete = sum(status.has_all for status in statuses)
    have = "has" if complete == 1 else "have"
    return f"{complete} of {len(statuses)} relays {have} the whole thread", str(
        min(accepted_relays, len(statuses))
    )


def _tell_private(publication: Publication, accepted_relays: int) -> tuple[str, str]:
    """Return how many gift wraps are where their readers look for them, and that all must be."""
    by_wrap: dict[str, list[tuple[str, DeliveryState]]] = {}
    for each in thread_deliveries(publication):
        by_wrap.setdefault(each.event_id, []).append((each.relay, each.state))
    there = sum(
        settle_publication(pairs, accepted_relays) is PublicationState.PUBLISHED for pairs in by_wrap.values()
    )
    return (
        f"{there} of {len(by_wrap)} gift wraps {'is' if there == 1 else 'are'} at enough relays of the reader",
        "all",
    )


def _relay_status(relay: str, deliveries: list[Delivery], held: frozenset[int]) -> RelayStatus:
    ready = [each.next_attempt_at for each in deliveries if each.state in OPEN_STATES and each.id not in held]
    return RelayStatus(
        relay=relay,
        counts=Counter(each.state for each in deliveries),
        telling=min(deliveries, key=_how_telling),
        next_attempt_at=min(ready, default=0),
    )


def _how_telling(delivery: Delivery) -> tuple[int, bool, int]:
    # Among those of one state: what the relay said something about, then what was tried most; `min`
    # then takes the first, so a root goes before the replies that share its fate.
    return _TELLING.index(delivery.state), not delivery.last_answer, -delivery.attempts
