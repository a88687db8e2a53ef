"""Reading the gift wraps of a private call back from their relays, and checking that they tell nothing."""

from __future__ import annotations

from collections.abc import Iterator

from agentvoice.core.delivery import DeliveryState, Publication
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Relays
from agentvoice.errors import PublishError
from agentvoice.protocols.nostr.nip01 import encode_event
from agentvoice.protocols.nostr.nip59 import KIND_GIFT_WRAP
from agentvoice.services.relay_lists import DialAddress
from agentvoice.services.thread_check import FindForgery, ThreadCheck, fetch_events

SHOWN_TAGS = ("p", "expiration", "nonce")
"""What a wrap may tell a relay: its reader, when to forget it, and its proof of work."""


async def check_wraps(
    relays: Relays, dial_address: DialAddress, publication: Publication, find_forgery: FindForgery
) -> ThreadCheck:
    """Read each wrap from every relay that accepted it, and check it as a stranger would.

    The check names all of those relays. Raises PublishError if a wrap was accepted by none, a
    TransportError, RemoteProtocolError or RelayRejected.
    """
    accepted: dict[str, list[str]] = {}
    for delivery in publication.deliveries:
        if delivery.state is DeliveryState.ACCEPTED:
            accepted.setdefault(delivery.relay, []).append(delivery.event_id)
    stored = {entry.event.id: entry.event for entry in publication.events}
    unread = set(stored) - {event_id for ids in accepted.values() for event_id in ids}
    if unread or not stored:
        raise PublishError(
            f"call {publication.call_id}: no relay has {len(unread)} of its {len(stored)} gift wraps"
            f" ({publication.state.value})"
        )
    events: dict[str, SignedEvent] = {}
    problems: list[str] = []
    for relay in accepted:
        check = await check_wraps_at(relays, relay, dial_address(relay), publication, find_forgery)
        events |= {event.id: event for event in check.events}
        problems += check.problems
    in_order = tuple(events[event_id] for event_id in stored if event_id in events)
    return ThreadCheck(", ".join(accepted), in_order, tuple(problems))


async def check_wraps_at(
    relays: Relays, relay: str, address: str, publication: Publication, find_forgery: FindForgery
) -> ThreadCheck:
    """Read the wraps that one relay accepted back from it, at this address, and check each.

    Raises a TransportError, RemoteProtocolError or RelayRejected.
    """
    stored = {entry.event.id: entry.event for entry in publication.events}
    ids = [
        delivery.event_id
        for delivery in publication.deliveries
        if delivery.relay == relay and delivery.state is DeliveryState.ACCEPTED
    ]
    found = await fetch_events(relays, address, ids)
    problems: list[str] = []
    for event_id in ids:
        shown = f"event {event_id[:12]}… at {relay}"
        if event_id not in found:
            problems.append(f"{shown}: the relay does not have it")
            continue
        told = _find_problems(found[event_id], stored[event_id], publication, find_forgery)
        problems += [f"{shown}: {problem}" for problem in told]
    return ThreadCheck(relay, tuple(found[each] for each in ids if each in found), tuple(problems))


def _find_problems(
    event: SignedEvent, stored: SignedEvent, publication: Publication, find_forgery: FindForgery
) -> Iterator[str]:
    if forgery := find_forgery(event):
        yield forgery
    elif event != stored:
        yield "the relay changed its signature"
    if event.kind != KIND_GIFT_WRAP:
        yield f"it is of kind {event.kind}, not a gift wrap"
    names = [tag[0] for tag in event.tags]
    if names.count("p") != 1 or not set(names) <= set(SHOWN_TAGS):
        yield "its tags tell more than its reader"
    if publication.call_id in encode_event(event):
        yield "it shows the call's id"
