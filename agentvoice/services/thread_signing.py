"""From a finished call to its signed events: who signs, what is built, every event signed once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from agentvoice.core.call import Call
from agentvoice.core.event import SignedEvent, UnsignedEvent
from agentvoice.core.ports import Clock, LoadSigner, MineEvent, Signer
from agentvoice.core.project import Project
from agentvoice.errors import PublishError
from agentvoice.protocols.nostr.nip01 import event_id
from agentvoice.protocols.nostr.nip13 import relink
from agentvoice.protocols.nostr.thread import build_thread, choose_signers, find_unsignable
from agentvoice.services.published_copy import PublishedCopy, read_published_copy
from agentvoice.services.thread_needs import ThreadNeeds
from agentvoice.storage.database import Database

FindNeeds = Callable[[Project], Awaitable[ThreadNeeds]]
"""Say what the relays of a project ask of a thread's events."""


class ThreadSigning:
    """Builds and signs threads; it stores nothing."""

    def __init__(
        self,
        database: Database,
        load_signer: LoadSigner,
        mine: MineEvent,
        find_needs: FindNeeds,
        clock: Clock,
    ) -> None:
        self._database = database
        self._load_signer = load_signer
        self._mine = mine
        self._find_needs = find_needs
        self._clock = clock

    async def sign_thread(self, call: Call) -> tuple[Project, tuple[SignedEvent, ...]]:
        """Return the call's project and its signed thread, root first; no events if nothing was said.

        Raises PublishError if a turn cannot be signed by its speaker, NotFound, or what loading a
        signer raises: a key that is configured but cannot be read never falls back to another's.
        """
        copy = await read_published_copy(self._database, call)
        signers = await self.load_signers(copy)
        chosen = choose_signers(copy.call.project, copy.call.agents, frozenset(signers))
        missing = find_unsignable(copy.call, chosen)
        if missing:
            raise PublishError(f"no key signs for {', '.join(missing)}: give it one with `agentvoice key`")
        if not copy.call.turns:
            return copy.call.project, ()
        needs = await self._find_needs(copy.call.project)
        now = self._clock.utc_ms()
        unsigned = await asyncio.to_thread(build_thread, copy.call, chosen, now, needs.limit)
        if needs.pow_bits:
            unsigned = await self._work(unsigned, needs.pow_bits)
        events = []
        for event in unsigned:
            events.append(await signers[event.pubkey].sign(event))
            await self._clock.sleep_until(0.0)  # a long call's signatures must not hold up a live one
        return copy.call.project, tuple(events)

    async def _work(self, events: Sequence[UnsignedEvent], bits: int) -> tuple[UnsignedEvent, ...]:
        """Return the events with proof of work, linked to each other by their new ids."""
        new_ids: dict[str, str] = {}
        mined = []
        for event in events:
            mined.append(await self._mine(relink(event, new_ids), bits))
            new_ids[event_id(event)] = event_id(mined[-1])
        return tuple(mined)

    async def load_signers(self, copy: PublishedCopy) -> dict[str, Signer]:
        """Return the signers that we hold of all who may sign something of a call, by public key.

        Raises PublishError if a signer is not who its reference says, or what loading one raises.
        """
        project = copy.call.project
        wanted = [project.pubkey, project.caller_pubkey, *(agent.pubkey for agent in copy.call.agents)]
        signers = {}
        for pubkey in dict.fromkeys(wanted):
            if pubkey in copy.references:
                signer = await self._load_signer(copy.references[pubkey])
                if signer.pubkey != pubkey:
                    raise PublishError(
                        f"key {copy.references[pubkey]}: signs as {signer.pubkey[:12]}…, want {pubkey[:12]}…"
                    )
                signers[pubkey] = signer
        return signers
