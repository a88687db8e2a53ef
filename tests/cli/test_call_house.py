"""Where a call of the CLI runs, and what the interrupt key does to it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from agentvoice.adapters.system_clock import SystemClock
from agentvoice.cli.call_house import HANG_UP_SIGNALS, CallHouse, EndedCall, open_call_house
from agentvoice.config import Settings, load_settings
from agentvoice.core.agent import AgentProfile
from agentvoice.core.project import Project
from agentvoice.errors import NotFound
from agentvoice.services.call_manager import CallRequest
from agentvoice.storage import agents, projects
from agentvoice.web.app import build_control_app
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import FakeEngine
from tests.services.conftest import House


class ClosingLeg(FakeLeg):
    """A leg that hangs up when it is closed, as every real one does."""

    async def close(self) -> None:
        await super().close()
        self.vanish()


@pytest.fixture
def settings(own_home: Path) -> Settings:
    os.environ["AGENTVOICE_RELAYS__EMBEDDED_PORT"] = "0"
    own_home.mkdir(mode=0o700)
    return load_settings(None)


@pytest.fixture
async def daemon(settings: Settings, tmp_path: Path) -> AsyncIterator[House]:
    """A daemon of this home, its engine scripted."""
    house = House(tmp_path)
    runner = web.AppRunner(build_control_app(house.manager, str), handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(settings.control_socket)).start()
    yield house
    await house.close()
    await runner.cleanup()


def furnish(house: CallHouse, engine: FakeEngine) -> None:
    """Give a house of this process its agent, project and scripted engine."""
    now = house.runtime.clock.utc_ms()
    with house.runtime.database.writing() as session:
        projects.create_project(session, Project("default", "Default", "a" * 64), now)
        agents.create_agent(session, "0" * 32, AgentProfile("ada", "Ada", pubkey="b" * 64), now)
    house.runtime.engines["local"] = engine


async def test_a_daemon_that_answers_runs_the_call(settings: Settings, daemon: House):
    """The call is the daemon's; this process keeps the leg and opens no relay of its own."""
    async with open_call_house(settings, SystemClock(), create=True) as house:
        assert house.is_daemon
        assert house.runtime.embedded_address() == ""
        leg = ClosingLeg()
        leg.vanish()
        started: list[str] = []
        ended = await house.run(CallRequest("ada"), leg, started.append)
    assert ended == EndedCall(started[0], "caller")
    assert daemon.ended == started
    assert leg.is_closed


async def test_without_a_daemon_the_call_runs_here(settings: Settings):
    """This process has the call's row, its lease and the embedded relay."""
    engine = FakeEngine()
    async with open_call_house(settings, SystemClock(), create=True) as house:
        assert not house.is_daemon
        assert house.runtime.embedded_address().startswith("ws://127.0.0.1:")
        furnish(house, engine)
        leg = ClosingLeg()
        leg.vanish()
        ended = await house.run(CallRequest("ada"), leg)
        assert (ended.reason, ended.error) == ("caller", "")
        published = await house.runtime.publisher.publication(ended.id)
    assert published.call_id == ended.id
    assert leg.is_closed


async def test_a_failed_call_says_why(settings: Settings):
    """The error's words come with the end, so that the command can answer with them."""
    async with open_call_house(settings, SystemClock(), create=True) as house:
        furnish(house, FakeEngine())
        ended = await house.run(CallRequest("ada", engine="openai"), ClosingLeg())
    assert ended.reason == "engine_failed"
    assert "OPENAI_API_KEY" in ended.error


async def test_who_is_not_there_cannot_be_called_here(settings: Settings):
    """NotFound before there is a call."""
    async with open_call_house(settings, SystemClock(), create=True) as house:
        furnish(house, FakeEngine())
        with pytest.raises(NotFound, match="eve"):
            await house.run(CallRequest("eve"), ClosingLeg())


async def test_who_is_not_there_cannot_be_called_in_the_daemon(settings: Settings, daemon: House):
    """The same, from the other side of the socket; the leg is closed."""
    leg = ClosingLeg()
    async with open_call_house(settings, SystemClock(), create=True) as house:
        with pytest.raises(NotFound, match="eve"):
            await house.run(CallRequest("eve"), leg)
    assert leg.is_closed


@pytest.mark.parametrize("number", HANG_UP_SIGNALS)
async def test_the_interrupt_key_hangs_up(settings: Settings, daemon: House, number: signal.Signals):
    """A signal in a call closes the leg, so that the call ends as any other; then it means what it did."""
    leg = ClosingLeg()
    async with open_call_house(settings, SystemClock(), create=True) as house:
        call = asyncio.ensure_future(
            house.run(CallRequest("ada"), leg, lambda call: os.kill(os.getpid(), number))
        )
        async with asyncio.timeout(20):
            ended = await call
    assert ended.reason == "caller"
    assert leg.is_closed
    free = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
    assert signal.getsignal(number) is free


async def test_what_is_ignored_stays_ignored(settings: Settings, daemon: House):
    """Under nohup a closed terminal ends nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    leg, seen = ClosingLeg(), list[object]()

    def started(call: str) -> None:
        seen.append(signal.getsignal(signal.SIGHUP))
        leg.vanish()

    try:
        async with open_call_house(settings, SystemClock(), create=True) as house:
            await house.run(CallRequest("ada"), leg, started)
        assert [*seen, signal.getsignal(signal.SIGHUP)] == [signal.SIG_IGN] * 2
    finally:
        signal.signal(signal.SIGHUP, before)
