from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import SessionConfig
from agentvoice.core.metrics import SESSIONS_FAILED, SESSIONS_OPENED
from agentvoice.errors import ConnectFailed, EngineUnavailable, TimedOut
from agentvoice.services.session_opening import Engines
from tests.fakes.clock import ManualClock
from tests.fakes.metrics import ToldMetrics
from tests.fakes.speech_session import FakeEngine

ADA = SessionConfig(AgentProfile("ada", "Ada"), "be kind")
BOTH = ("openai", "local")


class Hanging(FakeEngine):
    """Never answers."""

    async def check(self) -> None:
        await asyncio.get_running_loop().create_future()


def pair() -> tuple[FakeEngine, FakeEngine, Engines, ManualClock]:
    openai, local, clock = FakeEngine("openai"), FakeEngine("local"), ManualClock()
    return openai, local, Engines({"openai": openai, "local": local}, clock, passed_over_s=60.0), clock


async def test_the_first_engine_that_has_a_session_gives_it():
    """In the order named; the age of the session counts from its opening."""
    openai, local, engines, clock = pair()
    fresh = await engines.open(ADA, BOTH, 5.0)
    assert (fresh.engine, fresh.session, fresh.opened_at_s) == (openai, openai.session, clock.monotonic_s())
    assert local.sessions == []


async def test_what_one_call_learned_spares_the_next():
    """An engine that failed is passed over for its time; without another it is tried all the same."""
    openai, local, engines, clock = pair()
    openai.refuse = lambda: ConnectFailed("openai: down")
    assert (await engines.open(ADA, BOTH, 5.0)).engine is local
    openai.refuse = lambda: None
    assert (await engines.open(ADA, BOTH, 5.0)).engine is local
    assert engines.order(BOTH) == ("local", "openai")
    assert (await engines.open(ADA, ("openai",), 5.0)).engine is openai
    assert engines.order(BOTH) == BOTH

    openai.refuse = lambda: ConnectFailed("openai: down")
    await engines.open(ADA, BOTH, 5.0)
    await clock.advance(60.0)
    assert engines.order(BOTH) == BOTH


async def test_the_last_failure_is_told_when_none_has_a_session():
    """An engine that is not set up is named, with those there are."""
    openai, _, engines, _ = pair()
    openai.refuse = lambda: ConnectFailed("openai: down")
    with pytest.raises(EngineUnavailable, match="engine phone: it is not set up; want one of openai, local"):
        await engines.open(ADA, ("openai", "phone"), 5.0)


async def test_a_check_asks_each_engine_once_and_is_remembered():
    """Whatever agents want it, whether it is set up or not; one that does not answer counts as failed."""
    openai, local, hanging = FakeEngine("openai"), FakeEngine("local"), Hanging("far")
    clock = ManualClock()
    engines = Engines({"openai": openai, "local": local, "far": hanging}, clock, passed_over_s=60.0)
    openai.refuse = lambda: EngineUnavailable("openai: no key")
    checking = asyncio.ensure_future(engines.check(["openai", "local", "far", "openai", "phone"], 5.0))
    await clock.advance(5.0)
    found = await checking
    assert list(found) == ["openai", "local", "far"]
    assert str(found["openai"]) == "openai: no key"
    assert found["local"] is None
    assert isinstance(found["far"], TimedOut)
    assert engines.order(("openai", "far", "local")) == ("local", "openai", "far")


async def test_sessions_are_counted_by_engine():
    """Those that were opened, and those that could not be had."""
    openai, metrics = FakeEngine("openai"), ToldMetrics()
    engines = Engines({"openai": openai}, ManualClock(), 60.0, metrics)
    openai.refuse = lambda: ConnectFailed("openai: down")
    with pytest.raises(ConnectFailed):
        await engines.open(ADA, ("openai",), 5.0)
    openai.refuse = lambda: None
    await engines.open(ADA, ("openai",), 5.0)
    assert metrics.sum_of(SESSIONS_FAILED, "openai") == metrics.sum_of(SESSIONS_OPENED, "openai") == 1
