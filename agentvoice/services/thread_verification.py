"""Reading a thread back from every relay that said it has it, and telling what is not there.

Beside what services.thread_check asks of each event: nothing else of the same session stands at the
relay in our name. Tags of several letters (`realtime-session`) cannot be queried, so it is looked
for by topic, authors and time. Of a private call there are only gift wraps: services.private_check.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentvoice.core.delivery import DeliveryState, Publication
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Relays
from agentvoice.core.publication_status import RelayStatus, relay_statuses, thread_deliveries
from agentvoice.errors import AgentVoiceError, NotFound, PublishError
from agentvoice.protocols.nostr.nip01 import KIND_TEXT_NOTE
from agentvoice.protocols.nostr.nip10 import find_parent, find_root
from agentvoice.protocols.publication_documents import VerificationDocument
from agentvoice.services.private_check import check_wraps_at
from agentvoice.services.thread_check import FindForgery, ThreadCheck, check_thread, fetch_events

PAGE_EVENTS = 500
"""Events that relays return for one filter at most."""

MAX_PAGES = 20
"""Enough for 10,000 notes around the time of one call."""

MARGIN_S = 3_600
"""A second signing of the call would bear the same times, give or take this."""


@dataclass(frozen=True, slots=True)
class RelayCheck:
    """What a relay has of a thread: `found` of `expected` events.

    `lost` are the ids of events that it accepted and does not have; `problems` has one line each
    for these and for all else that is wrong, none if the thread is verified.
    """

    relay: str
    found: int
    expected: int
    lost: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def is_verified(self) -> bool:
        """Whether the relay has the whole thread and nothing else, or nothing of one that was taken back."""
        return self.found == self.expected and not self.problems

    def document(self) -> VerificationDocument:
        """Return it as it is printed."""
        return VerificationDocument(
            self.relay, self.is_verified, self.found, self.expected, list(self.lost), list(self.problems)
        )


class ThreadVerification:
    """Checks threads at their relays; `dial_address` gives the address of a delivery's relay."""

    def __init__(self, relays: Relays, dial_address: Callable[[str], str], find_forgery: FindForgery) -> None:
        self._relays = relays
        self._dial_address = dial_address
        self._find_forgery = find_forgery

    async def check_relays(self, publication: Publication, relay: str = "") -> tuple[RelayCheck, ...]:
        """Check the thread at every relay that accepted all of it, or at the given one.

        Of a thread that was taken back: that every relay that accepted any of it has nothing left.

        Raises NotFound for a relay that the thread does not go to, PublishError if none has all of it.
        """
        statuses = relay_statuses(publication)
        is_taken_back = bool(publication.unpublished_at)
        chosen = [
            each
            for each in statuses
            if (each.relay == relay if relay else each.has_any if is_taken_back else each.has_all)
        ]
        if relay and not chosen:
            raise NotFound(f"relay {relay!r}: call {publication.call_id} has no delivery to it")
        if not chosen:
            raise PublishError(
                f"call {publication.call_id}: no relay has the whole thread ({publication.state.value})"
            )
        return tuple([await self._check_relay(publication, each) for each in chosen])

    async def _check_relay(self, publication: Publication, status: RelayStatus) -> RelayCheck:
        relay, expected = status.relay, status.events
        if publication.unpublished_at:
            return await self._check_gone(publication, relay)
        try:
            address = self._dial_address(relay)
            check = await self._read_back(relay, address, publication)
            extra = () if publication.is_private else await self._find_extra(address, publication)
        except AgentVoiceError as error:
            return RelayCheck(relay, 0, expected, (), (f"it cannot be read: {error}",))
        there = {event.id for event in check.events}
        lost = tuple(
            each.event_id
            for each in thread_deliveries(publication)
            if each.relay == relay and each.state is DeliveryState.ACCEPTED and each.event_id not in there
        )
        problems = (*check.problems, *_find_strays(check.events, publication), *extra)
        return RelayCheck(relay, len(check.events), expected, lost, problems)

    async def _check_gone(self, publication: Publication, relay: str) -> RelayCheck:
        ids = [each.event.id for each in publication.events]
        try:
            left = await fetch_events(self._relays, self._dial_address(relay), ids)
        except AgentVoiceError as error:
            return RelayCheck(relay, 0, 0, (), (f"it cannot be read: {error}",))
        told = (f"it still has {len(left)} of {len(ids)} events that were taken back",) if left else ()
        return RelayCheck(relay, len(left), 0, (), told)

    async def _read_back(self, relay: str, address: str, publication: Publication) -> ThreadCheck:
        if publication.is_private:
            return await check_wraps_at(self._relays, relay, address, publication, self._find_forgery)
        return await check_thread(self._relays, relay, address, publication, self._find_forgery)

    async def _find_extra(self, address: str, publication: Publication) -> tuple[str, ...]:
        """Return what stands at the relay under this session, by the same keys, and is not stored."""
        ours = {each.event.id for each in publication.events}
        query = _query(publication)
        found: dict[str, SignedEvent] = {}
        for _ in range(MAX_PAGES):
            page = await self._relays.fetch(address, [query])
            fresh = [event for event in page if event.id not in found]
            found.update((event.id, event) for event in fresh)
            if len(page) < PAGE_EVENTS or not fresh:
                break
            query = {**query, "until": min(event.created_at for event in page)}
        session = ("realtime-session", publication.call_id)
        return tuple(
            f"event {event.id[:12]}…: {'another note' if find_root(event) else 'a second root'} of this session"
            for event in found.values()
            if session in event.tags and event.id not in ours
        )


def _query(publication: Publication) -> dict[str, object]:
    events = [each.event for each in publication.events]
    topics = [tag[1] for tag in events[0].tags if tag[0] == "t"]
    return {
        "kinds": [KIND_TEXT_NOTE],
        "#t": topics,
        "authors": sorted({event.pubkey for event in events}),
        "since": max(0, events[0].created_at - MARGIN_S),
        "until": events[-1].created_at + MARGIN_S,
        "limit": PAGE_EVENTS,
    }


def _find_strays(events: tuple[SignedEvent, ...], publication: Publication) -> tuple[str, ...]:
    """Return the replies whose parent is not an earlier event of the thread (NIP-10)."""
    position = {each.event.id: each.position for each in publication.events}
    return tuple(
        f"event {event.id[:12]}…: it replies to {parent[:12]}…, which does not come before it in the thread"
        for event in events
        if (parent := find_parent(event)) and position.get(parent, len(position)) >= position[event.id]
    )
