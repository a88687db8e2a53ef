"""What publishing needs, all real but time: a database with a finished call, keys, relays over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agentvoice.adapters.key_files import KeyFiles
from agentvoice.adapters.pow_miner import mine
from agentvoice.adapters.relay import WebsocketRelays
from agentvoice.adapters.signer import KeySigner, find_forgery
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config.settings import PublishSettings, RelaySettings
from agentvoice.core.agent import AgentProfile
from agentvoice.core.call import Call, CallState, EndReason
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.ports import Relays, Signer
from agentvoice.core.project import Project, PublishPolicy
from agentvoice.protocols.nostr.nip19 import encode_npub
from agentvoice.services.profiles import Profiles
from agentvoice.services.publisher import Publisher
from agentvoice.services.signing_lock import RENEWED_EVERY_S, SIGNING_LOCK_MS
from agentvoice.storage import agents, conversations, keys, projects
from agentvoice.storage.database import Database
from agentvoice.storage.keys import StoredKey
from agentvoice.storage.models import CallRow
from tests.fakes.clock import ManualClock

SHORT = RelaySettings(connect_timeout_s=5, ok_timeout_s=1, auth_timeout_s=1, fetch_timeout_s=5)
CALL_ID = "0190" * 8
TURNS = (("", "Good morning."), ("ada", "Ada here."), ("max", "And Max."))


class PressKeys(KeyFiles):
    """Key files that are loaded too."""

    async def load(self, reference: str) -> Signer:
        """A core.ports.LoadSigner."""
        return self.read(reference)

    def read(self, reference: str) -> KeySigner:
        """The signer of a key file."""
        return KeySigner.from_text(reference, self.read_text(reference))


class Press:
    """A database in `folder` with project, agents ada and max, and their keys."""

    def __init__(
        self, folder: Path, *relays: str, settings: PublishSettings | None = None, **project: Any
    ) -> None:
        self.clock = ManualClock()
        self.database = Database.open(folder / "agentvoice.db", create=True)
        self.keys = PressKeys(folder / "keys")
        self.settings = settings or PublishSettings()
        self.embedded = ""
        self.relays: Relays = WebsocketRelays(SHORT, SystemClock(), self._find_signer)
        self._publishers = 0
        self.pubkeys = {name: self._add_key(name) for name in ("project", "ada", "max")}
        self.project = replace(
            Project("home", "Home", self.pubkeys["project"], relays or ("embedded",)), **project
        )
        with self.database.writing() as session:
            projects.create_project(session, self.project, self.clock.utc_ms())
            self.revisions = [
                agents.create_agent(
                    session,
                    f"{number}" * 32,
                    AgentProfile(slug, slug.title(), pubkey=self.pubkeys[slug]),
                    self.clock.utc_ms(),
                )
                for number, slug in enumerate(("ada", "max"))
            ]

    def change_project(self, **changes: Any) -> None:
        """Publish calls to come in another way."""
        self.project = replace(self.project, **changes)
        with self.database.writing() as session:
            projects.update_project(session, self.project, self.clock.utc_ms())

    def _add_key(self, name: str) -> str:
        reference, pubkey = self.keys.create()
        key = StoredKey(pubkey, encode_npub(pubkey), reference, name, self.clock.utc_ms())
        with self.database.writing() as session:
            keys.add_key(session, key)
        return pubkey

    async def _find_signer(self, pubkey: str) -> Signer | None:
        return (
            await self.keys.load(f"file:{encode_npub(pubkey)}") if pubkey in self.pubkeys.values() else None
        )

    def publisher(self, database: Database | None = None, **changes: Any) -> Publisher:
        """A publisher of another process over the same database."""
        self._publishers += 1
        parts: dict[str, Any] = {
            "database": database or self.database,
            "relays": self.relays,
            "load_signer": self.keys.load,
            "find_forgery": find_forgery,
            "new_signer": KeySigner.generate,
            "mine": mine,
            "embedded_address": lambda: self.embedded,
            "clock": self.clock,
            "settings": self.settings,
            "owner_id": f"process-{self._publishers}",
        }
        return Publisher(**(parts | changes))

    def profiles(self, **changes: Any) -> Profiles:
        """What publishes the agents' profiles, of one process."""
        parts: dict[str, Any] = {
            "database": self.database,
            "relays": self.relays,
            "load_signer": self.keys.load,
            "find_forgery": find_forgery,
            "dial_address": lambda relay: relay,
            "clock": self.clock,
            "settings": self.settings,
            "owner_id": "process-1",
            "owner_project": "home",
        }
        return Profiles(**(parts | changes))

    def finish_call(
        self,
        call_id: str = CALL_ID,
        turns: tuple[tuple[str, str], ...] = TURNS,
        policy: PublishPolicy = PublishPolicy.PUBLIC,
        do_not_publish: bool = False,
    ) -> str:
        """Store a call with these (agent or "", text) turns that has just ended."""
        now = self.clock.utc_ms()
        call = Call(
            call_id,
            "home",
            "ada",
            "text",
            "local",
            CallState.LIVE,
            policy,
            self.project.relays,
            "p",
            now + 20_000,
            now - 60_000,
        )
        with self.database.writing() as session:
            conversations.create_call(session, call)
            for number, revision in enumerate(self.revisions):
                conversations.add_call_agent(session, call_id, revision, call.started_at + number)
            for position, (agent, text) in enumerate(turns):
                at = call.started_at + position * 2_000
                conversations.upsert_item(session, call_id, _message(call_id, position, agent, text, at))
            if do_not_publish:
                conversations.set_do_not_publish(session, call_id)
            conversations.end_call(session, call_id, EndReason.CALLER, now)
        return call_id

    async def hold_lock(self, rounds: int) -> None:
        """Let time pass, each time until the right to sign CALL_ID is renewed, and see that it was."""
        for _ in range(rounds):
            async with asyncio.timeout(20):
                while self.clock.next_timer_s is None:  # the renewal before has not come to its end
                    await self.clock.settle()
                await self.clock.advance(RENEWED_EVERY_S)
                while self._locked_until() < self.clock.utc_ms() + SIGNING_LOCK_MS:
                    await self.clock.settle()

    def _locked_until(self) -> int:
        with self.database.reading() as session:
            return session.scalars(
                select(CallRow.publication_locked_until).where(CallRow.id == CALL_ID)
            ).one()

    async def close(self) -> None:
        await self.relays.close()
        self.database.close()


def _message(call_id: str, position: int, agent: str, text: str, at: int) -> Item:
    return Item(
        id=f"{call_id[4:]}{position:04x}",
        position=position,
        kind=ItemKind.MESSAGE,
        role=Role.AGENT if agent else Role.USER,
        agent=agent or "ada",
        text=text,
        status=ItemStatus.COMPLETED,
        started_at=at,
        completed_at=at + 1_000,
    )


class Killed(BaseException):
    """The process dies here; nothing may catch it."""


class Reaper:
    """Counts steps and kills the process at the given one."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps >= self.at:
            raise Killed


class MortalDatabase:
    """A database whose process may die before, in or after each transaction that writes."""

    def __init__(self, database: Database, reaper: Reaper) -> None:
        self._database = database
        self._reaper = reaper
        self.reading = database.reading

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Any]:
        self._reaper.step()
        with self._database.writing(durable=durable) as session:
            yield session
            self._reaper.step()
        self._reaper.step()


class MortalRelays:
    """Relays whose process may die just before an event is sent, or before its answer is seen."""

    def __init__(self, relays: Relays, reaper: Reaper) -> None:
        self._relays = relays
        self._reaper = reaper
        self.fetch = relays.fetch
        self.close = relays.close
        self.limits = relays.limits
        self.probe = relays.probe

    async def publish(self, relay: str, event: Any) -> Any:
        self._reaper.step()
        answer = await self._relays.publish(relay, event)
        self._reaper.step()
        return answer
