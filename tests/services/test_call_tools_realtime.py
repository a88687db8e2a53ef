"""Tools in a whole call over a real socket: every frame is judged by the vendor's types."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.agent import ENGINE_OPENAI
from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.tool import AgentTools, HttpTool
from agentvoice.storage import agents
from tests.fakes.realtime_server import Link, ScriptedServer
from tests.fakes.tool_server import ToolServer
from tests.services.conftest import ADA, House
from tests.services.tool_scene import CITY, until

CALLS = (("call_a", "weather", '{"city":"Rome"}'), ("call_b", "current_time", "{}"))


async def call_tools(link: Link, response: str = "resp_1") -> None:
    """One response that calls every tool of CALLS."""
    told = {"object": "realtime.response", "id": response, "output": [], "output_modalities": ["audio"]}
    await link.emit(
        {"type": "response.created", "response": {**told, "status": "in_progress", "usage": None}}
    )
    for index, (call_id, name, arguments) in enumerate(CALLS):
        item = {"id": f"fc_{call_id}", "object": "realtime.item", "type": "function_call", "call_id": call_id}
        item |= {"name": name, "arguments": arguments, "status": "completed"}
        place = {"response_id": response, "output_index": index, "item": item}
        await link.emit({"type": "response.output_item.added", **place})
        await link.emit({"type": "response.output_item.done", **place})
    await link.emit({"type": "response.done", "response": {**told, "status": "completed", "usage": None}})


async def outputs(link: Link, count: int) -> dict[str, Any]:
    """The next items of the client, which are tool results: what they say, by call id."""
    items = [(await link.expect("conversation.item.create"))["item"] for _ in range(count)]
    return {item["call_id"]: json.loads(item["output"]) for item in items}


def engine_for(house: House, server: ScriptedServer, tools: ToolServer) -> None:
    """Ada's engine is the one that talks to `server`."""
    settings = OpenAIEngineSettings(url=server.url, api_key="")
    house.engines[ENGINE_OPENAI] = RealtimeEngine(settings, SystemClock())  # type: ignore[assignment]  # the real one
    weather = HttpTool("weather", "Weather", f"{tools.url}/{{city}}", parameters=CITY)
    ada = replace(ADA, greeting="", engines=(ENGINE_OPENAI,), tools=AgentTools(http=(weather,)))
    with house.database.writing() as session:
        agents.update_agent(session, ada, house.clock.utc_ms())


async def test_two_tools_are_answered_before_one_reply(tmp_path: Path, server: ToolServer):
    """Both results by the provider's own ids, then one response.create."""
    house = House(tmp_path)
    done = asyncio.Event()

    async def script(link: Link) -> None:
        declared = (await link.open_session())["tools"]
        assert [tool["name"] for tool in declared] == [
            "transfer_to_max", "end_call", "current_time", "weather",
        ]  # fmt: skip
        await call_tools(link)
        answers = await outputs(link, 2)
        assert answers["call_a"] == {"ok": True, "result": {"degrees": 21}}
        assert answers["call_b"]["ok"]
        await link.expect("response.create")
        done.set()

    async with ScriptedServer(script) as realtime:
        engine_for(house, realtime, server)
        call = house.start()
        await until(house, done.is_set)
        assert not realtime.links[0].has_unread
        assert (await house.hang_up(call)).reason is EndReason.CALLER
    await house.close()


async def test_a_tool_survives_its_session(tmp_path: Path, server: ToolServer):
    """The socket breaks while it runs: the next session is given the call, then its result, once."""
    house = House(tmp_path)
    server.go.clear()
    done = asyncio.Event()

    async def lose(link: Link) -> None:
        await link.open_session()
        await call_tools(link)
        await outputs(link, 1)
        await server.was_asked.wait()
        await link.connection.close(1011, "restart")

    async def take_over(link: Link) -> None:
        await link.open_session("sess_2")
        replayed = [(await link.expect("conversation.item.create"))["item"] for _ in range(3)]
        assert [item["type"] for item in replayed] == [
            "function_call",
            "function_call",
            "function_call_output",
        ]
        assert replayed[2]["call_id"] == replayed[1]["call_id"]
        server.go.set()
        answers = await outputs(link, 1)
        assert answers == {replayed[0]["call_id"]: {"ok": True, "result": {"degrees": 21}}}
        await link.expect("response.create")
        done.set()

    async def script(link: Link) -> None:
        await (lose if len(realtime.links) == 1 else take_over)(link)

    async with ScriptedServer(script) as realtime:
        engine_for(house, realtime, server)
        call = house.start()
        await until(house, done.is_set)
        assert not realtime.links[1].has_unread
        outcome = await house.hang_up(call)
    kinds = [item.kind for item in house.items(outcome.call_id)]
    assert (kinds.count(ItemKind.TOOL_CALL), kinds.count(ItemKind.TOOL_RESULT)) == (2, 2)
    assert [asked.target for asked in server.asked] == ["/Rome"]
    await house.close()
