"""From a finished call to its signed events: who signs, what is built, every event signed once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from agentvoice.core.call import Call
from agentvoice.core.event import SignedEvent
from agentvoice.core.ports import Clock, LoadSigner, Signer
from agentvoice.core.project import Project
from agentvoice.errors import PublishError
from agentvoice.protocols.nostr.thread import (
    FinishedCall,
    Speaker,
    build_thread,
    choose_signers,
    find_unsignable,
)
from agentvoice.storage import conversations, keys, projects
from agentvoice.storage.database import Database
from agentvoice.storage.transactions import read


@dataclass(frozen=True, slots=True)
class ThreadSource:
    """What is read of a call before signing: `references` gives each stored key's reference by pubkey."""

    call: FinishedCall
    references: dict[str, str]


class ThreadSigning:
    """Builds and signs threads; it stores nothing."""

    def __init__(self, database: Database, load_signer: LoadSigner, clock: Clock) -> None:
        self._database = database
        self._load_signer = load_signer
        self._clock = clock

    async def sign_thread(self, call: Call) -> tuple[Project, tuple[SignedEvent, ...]]:
        """Return the call's project and its signed thread, root first; no events if nothing was said.

        Raises PublishError if a turn cannot be signed by its speaker, NotFound, or what loading a
        signer raises: a key that is configured but cannot be read never falls back to another's.
        """
        source = await self._read_source(call)
        signers = await self._load_signers(source)
        chosen = choose_signers(source.call.project, source.call.agents, frozenset(signers))
        missing = find_unsignable(source.call, chosen)
        if missing:
            raise PublishError(f"no key signs for {', '.join(missing)}: give it one with `agentvoice key`")
        unsigned = await asyncio.to_thread(build_thread, source.call, chosen, self._clock.utc_ms())
        events = []
        for event in unsigned:
            events.append(await signers[event.pubkey].sign(event))
            await self._clock.sleep_until(0.0)  # a long call's signatures must not hold up a live one
        return source.call.project, tuple(events)

    async def _read_source(self, call: Call) -> ThreadSource:
        revisions = await read(self._database, lambda session: conversations.revisions_of(session, call.id))
        items = await read(self._database, lambda session: conversations.items_of(session, call.id))
        stored = await read(self._database, lambda session: projects.get_project(session, call.project))
        # The thread goes where the caller was told it would, not where the project was pointed since.
        project = replace(stored, relays=call.relays)
        stored_keys = await read(self._database, keys.list_keys)
        profiles = {revision.profile.slug: revision.profile for revision in revisions}
        agents = tuple(Speaker(slug, profile.name, profile.pubkey) for slug, profile in profiles.items())
        finished = FinishedCall(call.id, project, agents, items, call.started_at, call.ended_at)
        return ThreadSource(finished, {key.pubkey: key.reference for key in stored_keys})

    async def _load_signers(self, source: ThreadSource) -> dict[str, Signer]:
        project = source.call.project
        wanted = [project.pubkey, project.caller_pubkey, *(agent.pubkey for agent in source.call.agents)]
        signers = {}
        for pubkey in dict.fromkeys(wanted):
            if pubkey in source.references:
                signer = await self._load_signer(source.references[pubkey])
                if signer.pubkey != pubkey:
                    raise PublishError(
                        f"key {source.references[pubkey]}: signs as {signer.pubkey[:12]}…, want {pubkey[:12]}…"
                    )
                signers[pubkey] = signer
        return signers
