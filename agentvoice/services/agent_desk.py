"""Agents as the API reads and changes them, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from agentvoice.core.agent import AgentProfile, AgentRevision
from agentvoice.core.ids import RANDOM_BYTES, build_uuid7
from agentvoice.core.ports import Clock, KeyMaker
from agentvoice.errors import NotFound, OutOfDate
from agentvoice.protocols.agent_json import AgentWish
from agentvoice.protocols.nostr.nip19 import decode_pubkey
from agentvoice.services.agent_document import document_of, history_documents, shown_document
from agentvoice.services.key_making import made_key
from agentvoice.storage import agents, keys
from agentvoice.storage.database import Database
from agentvoice.storage.profiles import list_profiles
from agentvoice.storage.transactions import read, write

Document = dict[str, Any]


class AgentDesk:
    """`check_voices` refuses a profile with a voice that is not there (adapters know the voices)."""

    def __init__(
        self,
        database: Database,
        key_maker: KeyMaker,
        check_voices: Callable[[AgentProfile], None],
        clock: Clock,
    ) -> None:
        self._database = database
        self._key_maker = key_maker
        self._check_voices = check_voices
        self._clock = clock

    async def list_agents(self) -> list[Document]:
        """Return the documents of all agents by slug."""
        return [document_of(each) for each in await read(self._database, agents.list_agents)]

    async def show(self, slug: str) -> Document:
        """Return an agent's document, and where its profile stands on Nostr. Raises NotFound."""

        def shown(session: Any) -> Document:
            found = agents.get_agent(session, slug)
            pubkey = found.profile.pubkey
            return shown_document(found, list_profiles(session, pubkey) if pubkey else ())

        return await read(self._database, shown)

    async def history(self, slug: str) -> list[Document]:
        """Return the documents of an agent's revisions, the oldest first. Raises NotFound."""
        found = await read(self._database, lambda session: agents.agent_history(session, slug))
        return history_documents(found)

    async def create(self, wish: AgentWish) -> Document:
        """Add an agent; it gets a key of its own unless one is named. Raises UsageError or NotFound."""
        self._check_voices(wish.profile)
        if wish.key:
            return document_of(await self._store(wish.profile, wish.key, self._create))
        return document_of(await asyncio.to_thread(self._create_with_key, wish.profile))

    async def change(self, wish: AgentWish) -> Document:
        """Store an agent's next revision, with its own key unless another one is named.

        Raises UsageError, NotFound, or OutOfDate if it is not the revision that was read any more.
        """
        self._check_voices(wish.profile)

        def change(session: Any, profile: AgentProfile) -> AgentRevision:
            current = agents.get_agent(session, profile.slug)
            if wish.revision not in (0, current.number):
                raise OutOfDate(
                    f"revision: got {wish.revision}, want {current.number}: somebody changed the agent meanwhile"
                )
            pubkey = profile.pubkey or current.profile.pubkey
            return agents.update_agent(session, profile.with_pubkey(pubkey), self._clock.utc_ms())

        return document_of(await self._store(wish.profile, wish.key, change))

    async def set_enabled(self, slug: str, enabled: bool) -> Document:
        """Let an agent take calls, or not. Raises NotFound."""
        now = self._clock.utc_ms()
        changed = await write(
            self._database, lambda session: agents.set_agent_enabled(session, slug, enabled, now)
        )
        return document_of(changed)

    async def remove(self, slug: str) -> None:
        """Remove an agent; calls that it spoke in, live ones too, and its key stay. Raises NotFound."""
        now = self._clock.utc_ms()
        await write(self._database, lambda session: agents.remove_agent(session, slug, now))

    async def _store(
        self, profile: AgentProfile, key: str, work: Callable[[Any, AgentProfile], AgentRevision]
    ) -> AgentRevision:
        """Do `work` with a profile that signs with `key`, if one is named."""
        pubkey = decode_pubkey("key", key) if key else ""

        def store(session: Any) -> AgentRevision:
            if pubkey and pubkey not in {each.pubkey for each in keys.list_keys(session)}:
                raise NotFound(f"key: nothing here can sign as {key}: `agentvoice key list` shows what can")
            return work(session, profile.with_pubkey(pubkey))

        return await write(self._database, store)

    def _create(self, session: Any, profile: AgentProfile) -> AgentRevision:
        now = self._clock.utc_ms()
        return agents.create_agent(
            session, build_uuid7(now, self._clock.random_bytes(RANDOM_BYTES)), profile, now
        )

    def _create_with_key(self, profile: AgentProfile) -> AgentRevision:
        """Make the key's file first: an agent that cannot sign must not come to be."""
        with made_key(self._key_maker, f"agent {profile.slug}", self._clock.utc_ms()) as key:
            with self._database.writing() as session:
                keys.add_key(session, key)
                return self._create(session, profile.with_pubkey(key.pubkey))
