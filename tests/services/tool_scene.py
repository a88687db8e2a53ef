"""Calls of an agent that has tools: a web server asks are made of, and what the tests say of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentvoice.core.call import EndReason
from agentvoice.core.item import Item, ItemKind
from agentvoice.core.speech import (
    ResponseStatus,
    SendToolResult,
    ToolCallRequested,
)
from agentvoice.core.tool import AgentTools, HttpTool
from agentvoice.services.call_manager import CallOutcome
from agentvoice.storage import agents
from tests.fakes.speech_session import FakeSession
from tests.fakes.tool_server import ToolServer
from tests.services.conftest import ADA, House

PATIENCE_S = 10.0
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OK = ResponseStatus.COMPLETED


async def call_with(house: House, server: ToolServer, **changes: Any) -> asyncio.Task[CallOutcome]:
    """A live call of Ada, who has the tools `weather`, `note` and the default ones; her greeting is over."""
    weather = HttpTool(
        "weather",
        "The weather in a city",
        f"{server.url}/{{city}}",
        headers={"X-Api-Key": "env:WEATHER_KEY"},
        parameters=CITY,
    )
    tools = AgentTools(builtin=("end_call", "current_time", "note"), http=(replace(weather, **changes),))
    with house.database.writing() as session:
        agents.update_agent(session, replace(ADA, greeting="", tools=tools), house.clock.utc_ms())
    return await house.live_call()


def ask(ref: str, name: str = "weather", arguments: str = '{"city": "Berlin"}') -> ToolCallRequested:
    return ToolCallRequested(f"item-{ref}", ref, name, arguments)


async def until(house: House, is_so: Callable[[], object]) -> None:
    """Let the loop and its sockets run until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():
            await house.settle()


async def results(house: House, session: FakeSession, count: int = 1) -> list[dict[str, Any]]:
    """Wait for tool results in a session; return what they say."""
    await until(house, lambda: len(session.told_of(SendToolResult)) >= count)
    await house.settle()
    return [json.loads(result.output) for result in session.told_of(SendToolResult)]


def kept(house: House, call_id: str, kind: ItemKind) -> list[Item]:
    return [item for item in house.items(call_id) if item.kind is kind]


async def hang_up(house: House, call: asyncio.Task[CallOutcome]) -> str:
    outcome = await house.hang_up(call)
    assert outcome.reason is EndReason.CALLER
    return outcome.call_id
