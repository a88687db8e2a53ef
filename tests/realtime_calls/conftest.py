"""A house for whole calls: real database, writer, manager and Realtime engine, over a real socket.

Only the provider, the caller's leg and time are the test's own. `settle` lets everything on the way
arrive: frames in both directions (pings prove it), tasks, and rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from agentvoice.adapters.http_tool import AiohttpTools
from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.config import CallSettings, OpenAIEngineSettings
from agentvoice.config.prices import read_prices
from agentvoice.core.agent import ENGINE_OPENAI, AgentProfile
from agentvoice.core.audio import CALL_FORMAT, AudioChunk
from agentvoice.core.call import Call
from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallerAudio, HungUp
from agentvoice.core.openai_settings import OpenAISettings
from agentvoice.core.project import Project
from agentvoice.services.call_manager import CallManager, CallOutcome, CallRequest
from agentvoice.services.last_words import LAST_WORDS_S
from agentvoice.services.session_link import BILL_WAIT_S
from agentvoice.services.session_opening import Engines
from agentvoice.storage import agents, conversations, projects
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.clock import ManualClock
from tests.fakes.realtime_provider import Provider, ProviderSession, provider

PATIENCE_S = 10.0
SHORT: dict[str, Any] = {"close_timeout_s": 0.2, "connect_timeout_s": 5.0, "api_key": ""}
PROJECT = Project("home", "Home", "a" * 64)


def profile(slug: str, pubkey: str, **openai: Any) -> AgentProfile:
    """An agent that speaks first only where a test asks for it."""
    settings = OpenAISettings(**openai)
    return AgentProfile(slug, slug.title(), pubkey=pubkey, engines=(ENGINE_OPENAI,), openai=settings)


CAST = (
    profile("ada", "b" * 64, voice="marin"),
    profile("max", "c" * 64, voice="marin"),
    profile("eva", "d" * 64, voice="cedar"),
)
"""Max speaks with Ada's voice, so she can become him in place; Eva needs a session of her own."""


class RealtimeHouse:
    """Everything that a call needs; the provider's side is `self.provider`."""

    def __init__(self, folder: Path, made: Provider, database: Database | None = None) -> None:
        self.clock = ManualClock()
        self.path = folder / "agentvoice.db"
        self.database = database or Database.open(self.path, create=True, busy_timeout_ms=50)
        self.writer = Writer(self.database, self.clock, retry_s=0.02)
        self.provider = made
        self.leg = FakeLeg()
        self.ended: list[str] = []
        self.settings = CallSettings(max_calls=4, max_minutes=60, warm_sessions=0)
        self.engine = self.engine_to(made.url)
        self._owners = count(1)
        if database is None:
            self._fill()
        self.manager = self.new_manager()
        self._calls: list[asyncio.Task[CallOutcome]] = []

    def _fill(self) -> None:
        with self.database.writing() as session:
            projects.create_project(session, PROJECT, self.clock.utc_ms())
            for number, agent in enumerate(CAST):
                agents.create_agent(session, f"{number}" * 32, agent, self.clock.utc_ms())

    def engine_to(self, url: str, **settings: Any) -> RealtimeEngine:
        """The real engine, to a server at `url`."""
        return RealtimeEngine(OpenAIEngineSettings(url=url, **SHORT | settings), self.clock)

    def new_manager(self) -> CallManager:
        """The calls of one process over this house's database."""
        return CallManager(
            self.database,
            self.writer,
            Engines({ENGINE_OPENAI: self.engine}, self.clock, passed_over_s=60.0),
            self.clock,
            self.settings,
            PROJECT.slug,
            self._call_ended,
            owner_id=f"process-{next(self._owners)}",
            http_tools=AiohttpTools(self.clock),
            prices=read_prices(),
        )

    async def _call_ended(self, call_id: str) -> None:
        self.ended.append(call_id)

    def edit(self, agent: AgentProfile) -> None:
        """Store a new revision of an agent."""
        with self.database.writing() as session:
            agents.update_agent(session, agent, self.clock.utc_ms())

    def start(self, agent: str = "ada") -> asyncio.Task[CallOutcome]:
        """Begin a call; its task gives the outcome."""
        request = CallRequest(agent, engine=ENGINE_OPENAI)
        task = asyncio.ensure_future(self.manager.run(request, self.leg))
        self._calls.append(task)
        return task

    async def live_call(self, agent: str = "ada") -> ProviderSession:
        """Begin a call and return its session, joined."""
        self.start(agent)
        session = await self.provider.session()
        await self.settle()
        return session

    # Waiting.

    async def settle(self) -> None:
        """Let what is on the way arrive."""
        for _ in range(2):
            for session in self.provider.sessions:
                await self._arrived(session)
            await self.clock.settle()
        await asyncio.to_thread(self.writer.flush().result)
        await self.clock.settle()

    async def _arrived(self, session: ProviderSession) -> None:
        """The client has what was sent before, and we have what it sent before its answer."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await (await session.link.connection.ping())
        except ConnectionClosed:
            await self.clock.settle()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await self.clock.settle()

    # The caller.

    def speaks(self, ms: int, mark: int = 7) -> bytes:
        """The caller says this much, in frames of 20 ms; returns its samples."""
        frame = bytes([mark, 0]) * (CALL_FORMAT.bytes_of(20) // 2)
        for _ in range(ms // 20):
            self.leg.do(CallerAudio(AudioChunk(CALL_FORMAT, frame)))
        return frame * (ms // 20)

    async def hears(self, ms: int) -> None:
        """The caller hears this much of what is queued."""
        self.leg.hear(ms)
        await self.settle()

    async def hears_all(self) -> None:
        """The caller hears everything that is queued."""
        self.leg.hear_all()
        await self.settle()

    async def hang_up(self) -> CallOutcome:
        """End the call that was started last; words that are awaited do not come."""
        self.leg.do(HungUp())
        await self.clock.settle()
        await self.clock.advance(LAST_WORDS_S + BILL_WAIT_S)
        async with asyncio.timeout(PATIENCE_S):
            return await self._calls[-1]

    async def outcome(self) -> CallOutcome:
        """How the call that was started last ended."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._calls[-1]

    # What is kept.

    @property
    def call_id(self) -> str:
        """Id of the one live call."""
        (live,) = self.manager.live_calls
        return live

    def call(self, call_id: str) -> Call:
        """The call as stored."""
        with self.database.reading() as reading:
            return conversations.get_call(reading, call_id)

    def items(self, call_id: str = "") -> tuple[Item, ...]:
        """The items as stored, of the live call if none is named."""
        with self.database.reading() as reading:
            return conversations.items_of(reading, call_id or self.call_id)

    def messages(self, call_id: str = "") -> list[tuple[Role, str, ItemStatus]]:
        """Who said what, as stored."""
        return [
            (item.role, item.text, item.status)
            for item in self.items(call_id)
            if item.kind is ItemKind.MESSAGE
        ]

    async def close(self) -> None:
        """Cut off what still runs."""
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self.engine.close()
        await asyncio.to_thread(self.writer.close, 5.0)
        self.database.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[RealtimeHouse]:
    async with provider() as made:
        built = RealtimeHouse(tmp_path, made)
        yield built
        await built.close()
