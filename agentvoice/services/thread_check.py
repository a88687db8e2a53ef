"""Reading a thread back from a relay and checking it as a stranger would: by ids and signatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentvoice.core.delivery import Publication
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Relays
from agentvoice.protocols.nostr.nip10 import find_root

IDS_PER_REQUEST = 100
"""Relays bound the length of a filter and the events they return for one."""

FindForgery = Callable[[SignedEvent], str]
"""Say what is wrong with an event's id or signature; empty: nothing."""


@dataclass(frozen=True, slots=True)
class ThreadCheck:
    """What a relay gave back: `events` in thread order, `problems` one line each, none if verified."""

    relay: str
    events: tuple[SignedEvent, ...]
    problems: tuple[str, ...]

    @property
    def is_verified(self) -> bool:
        """Whether the relay has the whole thread and every id and signature holds."""
        return bool(self.events) and not self.problems

    @property
    def signers(self) -> tuple[str, ...]:
        """The hex public keys that signed, in order of their first event."""
        return tuple(dict.fromkeys(event.pubkey for event in self.events))


async def check_thread(
    relays: Relays, relay: str, address: str, publication: Publication, find_forgery: FindForgery
) -> ThreadCheck:
    """Read every event of a prepared thread from the relay at `address` and check it.

    Raises a TransportError, RemoteProtocolError or RelayRejected.
    """
    ids = [stored.event.id for stored in publication.events]
    found = await fetch_events(relays, address, ids)
    events = tuple(found[event_id] for event_id in ids if event_id in found)
    problems = [
        f"event {event_id[:12]}…: the relay does not have it" for event_id in ids if event_id not in found
    ]
    if not ids:
        problems.append("the call has no thread")
    problems += _find_problems(events, publication, find_forgery)
    return ThreadCheck(relay, events, tuple(problems))


async def fetch_events(relays: Relays, address: str, ids: Sequence[str]) -> dict[str, SignedEvent]:
    """Return what the relay at `address` has of these events, by id; raises as check_thread does."""
    found: dict[str, SignedEvent] = {}
    for first in range(0, len(ids), IDS_PER_REQUEST):
        wanted = ids[first : first + IDS_PER_REQUEST]
        for event in await relays.fetch(address, [{"ids": wanted, "limit": len(wanted)}]):
            found[event.id] = event
    return found


def _find_problems(
    events: Sequence[SignedEvent], publication: Publication, find_forgery: FindForgery
) -> list[str]:
    stored = {entry.event.id: entry for entry in publication.events}
    root_id = publication.events[0].event.id if publication.events else ""
    problems = []
    for event in events:
        forgery = find_forgery(event)
        if forgery:
            problems.append(forgery)
        elif event != stored[event.id].event:
            problems.append(f"event {event.id[:12]}…: the relay changed its signature")
        if ("realtime-session", publication.call_id) not in event.tags:
            problems.append(f"event {event.id[:12]}…: it does not name call {publication.call_id}")
        if find_root(event) != ("" if event.id == root_id else root_id):
            problems.append(f"event {event.id[:12]}…: it does not belong to root {root_id[:12]}…")
    return problems
