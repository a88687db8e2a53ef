"""A house for calls: a real database and writer, two agents, a scripted engine, time by hand."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest

from agentvoice.adapters.http_tool import AiohttpTools
from agentvoice.config import CallSettings
from agentvoice.config.prices import read_prices
from agentvoice.core.agent import AgentProfile, LocalSettings
from agentvoice.core.call import Call
from agentvoice.core.item import Item
from agentvoice.core.leg import HungUp
from agentvoice.core.project import Project
from agentvoice.services.call_manager import CallManager, CallOutcome, CallRequest
from agentvoice.services.call_meter import CallMeter, limits_of
from agentvoice.services.last_words import LAST_WORDS_S
from agentvoice.services.session_link import BILL_WAIT_S
from agentvoice.services.session_opening import Engines
from agentvoice.services.spending import Spending
from agentvoice.storage import agents, conversations, projects
from agentvoice.storage.database import Database
from agentvoice.storage.writer import Writer
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.clock import ManualClock
from tests.fakes.metrics import ToldMetrics
from tests.fakes.speech_session import FakeEngine, FakeSession
from tests.fakes.tool_server import ToolServer

WEATHER_KEY = secrets.token_hex(16)
PRICES = read_prices()
PATIENCE_S = 20.0
PROJECT = Project("home", "Home", "a" * 64)
ADA = AgentProfile(
    "ada", "Ada", greeting="Hello, Ada here.", pubkey="b" * 64, local=LocalSettings(voice="one")
)
MAX = AgentProfile("max", "Max", greeting="Max speaking.", pubkey="c" * 64, local=LocalSettings(voice="two"))


class House:
    """Everything a call needs, with the outside scripted."""

    def __init__(self, folder: Path, *engines: FakeEngine) -> None:
        self.clock = ManualClock()
        self.database = Database.open(folder / "agentvoice.db", create=True)
        self.writer = Writer(self.database, self.clock)
        self.engine = engines[0] if engines else FakeEngine()
        self.http_tools = AiohttpTools(self.clock)
        self.leg = FakeLeg()
        self.metrics = ToldMetrics()
        self.ended: list[str] = []
        self._owners = count(1)
        with self.database.writing() as session:
            projects.create_project(session, PROJECT, self.clock.utc_ms())
            for number, agent in enumerate((ADA, MAX)):
                agents.create_agent(session, f"{number}" * 32, agent, self.clock.utc_ms())
        self.settings = CallSettings(max_calls=2, max_minutes=60, warm_sessions=0)
        self.prices = PRICES
        self.engines = {engine.name: engine for engine in engines or (self.engine,)}
        self.manager = self.new_manager()
        self._calls: list[asyncio.Task[CallOutcome]] = []

    def new_manager(self) -> CallManager:
        """Another process over the same database."""
        return CallManager(
            self.database,
            self.writer,
            Engines(self.engines, self.clock, passed_over_s=60.0, metrics=self.metrics),
            self.clock,
            self.settings,
            PROJECT.slug,
            self._call_ended,
            owner_id=f"process-{next(self._owners)}",
            http_tools=self.http_tools,
            prices=self.prices,
            metrics=self.metrics,
        )

    def new_meter(self, call: Call) -> CallMeter:
        """The meter of a call that no manager runs."""
        spending = Spending(self.database, self.clock)
        limits = limits_of(self.settings, PROJECT)
        return CallMeter(spending.open(call), spending, limits, self.prices, 60_000_000, ("local",))

    async def _call_ended(self, call_id: str) -> None:
        self.ended.append(call_id)

    def start(
        self, agent: str = "ada", leg: FakeLeg | None = None, engine: str = ""
    ) -> asyncio.Task[CallOutcome]:
        """Begin a call; its task gives the outcome."""
        request = CallRequest(agent, engine=engine)
        task = asyncio.ensure_future(self.manager.run(request, leg or self.leg))
        self._calls.append(task)
        return task

    async def live_call(self, agent: str = "ada") -> asyncio.Task[CallOutcome]:
        """Begin a call and wait until its session is joined."""
        task = self.start(agent)
        while not self.engine.sessions and not task.done():
            await self.settle()
        await self.settle()
        return task

    async def settle(self) -> None:
        """Let tasks, threads and the writer finish what they have begun."""
        for _ in range(3):
            await asyncio.to_thread(self.writer.flush().result)
            await self.clock.settle()

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so; reads of the database take as long as the machine lets them."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await self.settle()
        await self.settle()

    async def hang_up(self, call: asyncio.Task[CallOutcome]) -> CallOutcome:
        """End a call as its caller; words that are still awaited do not come."""
        self.leg.do(HungUp())
        await self.settle()
        await self.clock.advance(LAST_WORDS_S + BILL_WAIT_S)
        async with asyncio.timeout(10):
            return await call

    @property
    def session(self) -> FakeSession:
        """The session joined last."""
        return self.engine.session

    def call(self, call_id: str) -> Call:
        """The call as stored."""
        with self.database.reading() as reading:
            return conversations.get_call(reading, call_id)

    def items(self, call_id: str) -> tuple[Item, ...]:
        """The call's items as stored."""
        with self.database.reading() as reading:
            return conversations.items_of(reading, call_id)

    async def close(self) -> None:
        """Cut off what still runs."""
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self.http_tools.close()
        await asyncio.to_thread(self.writer.close, 5.0)
        self.database.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.close()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ToolServer]:
    """A web server for tools; the secret that they show it is in the environment."""
    monkeypatch.setenv("WEATHER_KEY", WEATHER_KEY)
    async with ToolServer() as running:
        yield running
