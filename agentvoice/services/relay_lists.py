"""Where people want to be reached: their own lists of relays, looked up, verified and remembered.

A lookup is bounded in time and fails softly: without an answer the list last read holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, Relays
from agentvoice.core.project import Project, public_address
from agentvoice.core.relay_address import ListedRelay, choose_relays, normalize_relay
from agentvoice.errors import AgentVoiceError, TimedOut
from agentvoice.protocols.nostr.nip17 import KIND_INBOX_RELAYS, find_inbox_relays
from agentvoice.protocols.nostr.nip65 import KIND_RELAY_LIST, find_listed_relays
from agentvoice.services.thread_check import FindForgery
from agentvoice.storage.database import Database
from agentvoice.storage.relay_lists import RelayList, find_relay_list, store_relay_list
from agentvoice.storage.transactions import read, write

LOOKUP_S = 5.0
"""How long the relays together may take to say where somebody is; signing waits for it."""

FRESH_MS = 600_000
"""A list that was looked for since then is not looked for again."""

MAX_INBOX_RELAYS = 5
"""NIP-17 asks people to name one to three."""

MAX_READ_RELAYS = 8
"""NIP-65 asks people to name two to four of each kind."""

MAX_LIST_RELAYS = 50
"""Addresses kept of one list; the rest of a longer one is not looked at."""

LIST_EVENTS = 10
"""A relay keeps one list of a pubkey; some have older ones still."""

DialAddress = Callable[[str], str]
"""Give the address to dial for the name of a relay; raises ConnectFailed."""

log = structlog.get_logger(__name__)


class RelayLists:
    """Looks up relay lists for one process; what it finds is in the database."""

    def __init__(
        self,
        database: Database,
        relays: Relays,
        find_forgery: FindForgery,
        dial_address: DialAddress,
        clock: Clock,
    ) -> None:
        self._database = database
        self._relays = relays
        self._find_forgery = find_forgery
        self._dial_address = dial_address
        self._clock = clock

    async def read_relays(self, project: Project) -> tuple[str, ...]:
        """Return the relays at which the project's pubkey reads, as it says itself (NIP-65)."""
        listed = await self._list(project.pubkey, KIND_RELAY_LIST, project.relays)
        return choose_relays((one.address for one in listed if one.reads), project.relays, MAX_READ_RELAYS)

    async def inbox_relays(self, reader: str, project: Project) -> tuple[str, ...]:
        """Return the relays at which a reader gets private messages (NIP-17); none: not known.

        Asked are the project's relays and, if it follows NIP-65, those that the reader writes to.
        """
        asked = project.relays
        if project.nip65_relays:
            listed = await self._list(reader, KIND_RELAY_LIST, project.relays)
            written = (one.address for one in listed if one.writes)
            asked = tuple(dict.fromkeys((*asked, *choose_relays(written, asked, MAX_READ_RELAYS))))
        listed = await self._list(reader, KIND_INBOX_RELAYS, asked)
        return choose_relays((one.address for one in listed), project.relays, MAX_INBOX_RELAYS)

    async def _list(self, pubkey: str, kind: int, asked: Sequence[str]) -> tuple[ListedRelay, ...]:
        """Return the pubkey's list, looked up unless that was done just now."""
        now = self._clock.utc_ms()
        known = await read(self._database, lambda session: find_relay_list(session, pubkey, kind))
        if known is not None and 0 <= now - known.fetched_at < FRESH_MS:
            return known.relays
        events, answered = await self._look_up(pubkey, kind, asked)
        newest = max(events, key=lambda event: event.created_at, default=None)
        if not answered:
            log.warning("relay_list_not_read", pubkey=pubkey, kind=kind, known=known is not None)
            return known.relays if known is not None else ()
        if newest is None or (known is not None and newest.created_at <= known.created_at):
            relays, created_at = (known.relays, known.created_at) if known is not None else ((), 0)
        else:
            relays, created_at = _relays_of(newest), newest.created_at
        found = RelayList(pubkey, kind, relays, created_at, now)
        await write(self._database, lambda session: store_relay_list(session, found))
        log.info("relay_list_read", pubkey=pubkey, kind=kind, relays=len(relays))
        return relays

    async def _look_up(self, pubkey: str, kind: int, asked: Sequence[str]) -> tuple[list[SignedEvent], bool]:
        """Return what the relays have, verified, and whether any of them answered."""
        found: list[SignedEvent] = []
        answered: list[str] = []
        wanted: dict[str, object] = {"kinds": [kind], "authors": [pubkey], "limit": LIST_EVENTS}

        async def ask(relay: str) -> None:
            try:
                events = await self._relays.fetch(self._dial_address(relay), [wanted])
            except AgentVoiceError as error:
                log.info("relay_list_not_given", relay=public_address(relay), kind=kind, error=str(error))
                return
            answered.append(relay)
            found.extend(
                event
                for event in events[:LIST_EVENTS]
                if event.pubkey == pubkey and event.kind == kind and not self._find_forgery(event)
            )

        try:
            async with self._clock.deadline(LOOKUP_S), asyncio.TaskGroup() as group:
                for relay in asked:
                    group.create_task(ask(relay))
        except TimedOut:  # what came by then is used
            log.info("relay_list_timed_out", kind=kind, answered=len(answered), asked=len(asked))
        return found, bool(answered)


def _relays_of(event: SignedEvent) -> tuple[ListedRelay, ...]:
    listed = find_inbox_relays(event) if event.kind == KIND_INBOX_RELAYS else find_listed_relays(event)
    normalized = (replace(one, address=normalize_relay(one.address)) for one in listed[:MAX_LIST_RELAYS])
    return tuple(one for one in normalized if one.address)
