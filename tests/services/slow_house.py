"""A house whose engine can be kept from opening sessions, to catch a call in the middle of a change."""

from __future__ import annotations

import asyncio
from pathlib import Path

from agentvoice.core.engine import SessionConfig
from agentvoice.core.leg import CallStatus, SwitchAsked
from agentvoice.services.call_manager import CallOutcome
from tests.fakes.speech_session import FIXED, FakeEngine, FakeSession
from tests.services.conftest import House


class SlowEngine(FakeEngine):
    """Keeps voice and model; opens a session only while `may_open` is set."""

    def __init__(self) -> None:
        super().__init__("local", FIXED)
        self.may_open = asyncio.Event()
        self.may_open.set()
        self.asked = 0

    async def open(self, config: SessionConfig) -> FakeSession:
        self.asked += 1
        await self.may_open.wait()
        return await super().open(config)


class SlowHouse(House):
    """A house with a slow engine."""

    def __init__(self, folder: Path) -> None:
        self.slow = SlowEngine()
        super().__init__(folder, self.slow)

    async def switching_call(self) -> asyncio.Task[CallOutcome]:
        """A call whose agent has spoken, and is now being replaced by a session that is not open yet."""
        call = await self.live_call()
        self.session.emit_reply("r1", "Ada here", 400)
        await self.settle()
        self.leg.hear_all()
        await self.settle()
        self.slow.may_open.clear()
        self.leg.do(SwitchAsked("max"))
        await self.settle()
        assert self.leg.status is CallStatus.SWITCHING
        return call


def open_sessions(house: House) -> list[str]:
    """Agents of the sessions that nobody closed."""
    return [session.config.agent.slug for session in house.engine.sessions if not session.is_closed]


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> CallOutcome:
    return await house.hang_up(call)
