"""The engine against npm @copilotkit/aimock, by a proxy that judges every frame we send."""

import secrets
from typing import Any

import pytest

from agentvoice.adapters.realtime_websocket import RealtimeEngine
from agentvoice.adapters.system_clock import SystemClock
from agentvoice.config import OpenAIEngineSettings
from agentvoice.core.speech import (
    Configure,
    CreateItem,
    ItemAdded,
    ItemDone,
    ItemTextDelta,
    Respond,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SendToolResult,
    SessionReady,
    ToolCallRequested,
    UsageReported,
)
from agentvoice.errors import AuthenticationRejected
from tests.fakes.aimock import JudgingProxy, aimock
from tests.fakes.realtime_agents import config_of, message

FIXTURES: list[dict[str, Any]] = [
    {"match": {"systemMessage": "word for word"}, "response": {"content": "Ahoy, this is Ada."}},
    {
        "match": {"userMessage": "give me Max", "hasToolResult": False},
        "response": {"toolCalls": [{"name": "transfer_to_max", "arguments": "{}"}]},
    },
    {
        "match": {"systemMessage": "You are Max.", "hasToolResult": True},
        "response": {"content": "Max here, you asked for me."},
    },
    {"match": {"userMessage": "How far is the moon?"}, "response": {"content": "384,400 kilometres."}},
    {
        "match": {"userMessage": "break"},
        "response": {
            "error": {"message": "slow down", "type": "server_error", "code": "rate_limit_exceeded"}
        },
    },
]


@pytest.fixture
async def server(tmp_path):
    key = secrets.token_hex(16)
    async with aimock(tmp_path, FIXTURES, key) as url, JudgingProxy(url) as proxy:
        yield proxy, key


def engine_to(proxy, folder, key):
    (folder / "key").write_text(f"{key}\n")
    settings = OpenAIEngineSettings(url=proxy.url, api_key=f"file:{folder / 'key'}")
    return RealtimeEngine(settings, SystemClock())


async def reply(events):
    """Return the events of the next reply."""
    heard = []
    async for event in events:
        heard.append(event)
        if isinstance(event, ResponseEnded):
            return heard
    raise AssertionError(f"the session ended in the reply: {heard}")


def words(heard):
    return "".join(event.text for event in heard if isinstance(event, ItemTextDelta))


async def test_a_text_call_with_greeting_turn_handover_and_failure(server, tmp_path):
    """Greeting, question and answer, handover by tool in place, a failed reply: one session, as it is."""
    proxy, key = server
    engine = engine_to(proxy, tmp_path, key)
    session = await engine.open(config_of())
    events = session.events()
    assert isinstance(await anext(events), SessionReady)

    session.send(Respond("Ahoy, this is Ada."))
    greeting = await reply(events)
    assert isinstance(greeting[0], ResponseStarted) and isinstance(greeting[1], ItemAdded)
    assert words(greeting) == "Ahoy, this is Ada."

    session.send(CreateItem(message("How far is the moon?", number=1)))
    session.send(Respond())
    answer = await reply(events)
    assert words(answer) == "384,400 kilometres."
    assert ItemDone(answer[1].ref, "384,400 kilometres.") in answer
    assert isinstance(answer[-2], UsageReported) and answer[-2].model == "gpt-realtime-2.1"
    assert answer[-1].status is ResponseStatus.COMPLETED

    session.send(CreateItem(message("Please give me Max", number=2)))
    session.send(Respond())
    called = await reply(events)
    [call] = [event for event in called if isinstance(event, ToolCallRequested)]
    assert call.name == "transfer_to_max"
    session.send(Configure(config_of("You are Max.")))
    session.send(SendToolResult(call.tool_ref, '{"ok":true}'))
    session.send(Respond())
    assert words(await reply(events)) == "Max here, you asked for me."

    session.send(CreateItem(message("break", number=3)))
    session.send(Respond())
    failed = (await reply(events))[-1]
    assert (failed.status, failed.reason) == (ResponseStatus.FAILED, "rate_limit_exceeded: slow down")

    await engine.close()
    assert [event async for event in events] == []
    assert [frame["type"] for frame in proxy.from_client] == [
        "session.update",
        "response.create",
        "conversation.item.create",
        "response.create",
        "conversation.item.create",
        "response.create",
        "session.update",
        "conversation.item.create",
        "response.create",
        "conversation.item.create",
        "response.create",
    ]


async def test_a_wrong_key_is_told(tmp_path):
    """The server asks for another key: no retry can help, and the message does not show ours."""
    wrong = secrets.token_hex(16)
    async with aimock(tmp_path, FIXTURES, secrets.token_hex(16)) as url:
        (tmp_path / "key").write_text(wrong)
        settings = OpenAIEngineSettings(
            url=url.replace("http", "ws") + "/v1/realtime", api_key=f"file:{tmp_path / 'key'}"
        )
        with pytest.raises(AuthenticationRejected, match="invalid_api_key") as refused:
            await RealtimeEngine(settings, SystemClock()).open(config_of())
    assert wrong not in str(refused.value)
