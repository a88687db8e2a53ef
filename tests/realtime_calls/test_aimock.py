"""A whole call against npm @copilotkit/aimock: text turns, tool, handover, and its chaos."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallerText
from tests.fakes.aimock import JudgingProxy, aimock
from tests.realtime_calls.conftest import CAST, RealtimeHouse

ADA = "Ahoy, this is Ada."
MAX = "Max here, you asked for me."
SEA = "The sea is wide, and it is deep, and nobody has seen all of it."
FIXTURES: list[dict[str, Any]] = [
    {"match": {"systemMessage": ADA}, "response": {"content": ADA}},
    {"match": {"systemMessage": MAX}, "response": {"content": MAX}},
    {
        "match": {"userMessage": "give me Max", "hasToolResult": False},
        "response": {"toolCalls": [{"name": "transfer_to_max", "arguments": "{}"}]},
    },
    {"match": {"userMessage": "How far is the moon?"}, "response": {"content": "384,400 kilometres."}},
    {
        "match": {"userMessage": "Tell me of the sea", "sequenceIndex": 0},
        "response": {"content": SEA},
        "truncateAfterChunks": 3,
    },
    {"match": {"userMessage": "Tell me of the sea"}, "response": {"content": SEA}},
    {
        "match": {"userMessage": "What time is it?", "sequenceIndex": 0},
        "response": {
            "status": 429,
            "error": {
                "message": "slow down",
                "type": "rate_limit_error",
                "code": "rate_limit_exceeded",
            },
        },
    },
    {"match": {"userMessage": "What time is it?"}, "response": {"content": "Noon."}},
    {"match": {"userMessage": "Thank you"}, "response": {"content": "You are welcome."}},
]


class Elsewhere:
    """A provider that is not ours: its sessions cannot be seen, only its address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sessions: list[Any] = []


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[JudgingProxy]:
    key = secrets.token_hex(16)
    (tmp_path / "key").write_text(f"{key}\n")
    async with aimock(tmp_path, FIXTURES, key) as url, JudgingProxy(url) as running:
        yield running


@pytest.fixture
async def house(tmp_path: Path, proxy: JudgingProxy) -> AsyncIterator[RealtimeHouse]:
    made = RealtimeHouse(tmp_path, Elsewhere(proxy.url))  # type: ignore[arg-type]  # has what the house uses
    made.engine = made.engine_to(proxy.url, api_key=f"file:{tmp_path / 'key'}")
    made.manager = made.new_manager()
    for agent, greeting in zip(CAST, (ADA, MAX), strict=False):
        made.edit(replace(agent, greeting=greeting, openai=replace(agent.openai, output="text")))
    yield made
    await made.close()


def texts(house: RealtimeHouse) -> list[str]:
    """Finished messages as the caller sees them."""
    return [
        item.text for item in house.leg.items.values() if item.kind is ItemKind.MESSAGE and item.is_finished
    ]


async def heard(house: RealtimeHouse, text: str, times: int = 1) -> None:
    """Wait until an answer is there."""
    await house.until(lambda: texts(house).count(text) >= times)
    await house.settle()


async def types(house: RealtimeHouse, text: str, answer: str, times: int = 1) -> None:
    """The caller types a turn and gets its answer."""
    house.leg.do(CallerText(text))
    await heard(house, answer, times)


async def test_a_call_with_tool_and_handover_survives_chaos(house: RealtimeHouse, proxy: JudgingProxy):
    """Greeting, turns, a transfer, a 429, a connection destroyed in a reply: the items are whole, in order, once."""
    house.start()
    await heard(house, ADA)
    await types(house, "How far is the moon?", "384,400 kilometres.")
    await types(house, "Please give me Max", MAX)
    house.leg.do(CallerText("What time is it?"))  # is refused with a 429
    await house.until(lambda: "response.create" in [frame["type"] for frame in proxy.from_client[-1:]])
    await types(house, "Thank you", "You are welcome.")
    house.leg.do(CallerText("Tell me of the sea"))  # breaks off
    await house.until(lambda: proxy.connections == 2)
    await types(house, "Thank you, again", "You are welcome.", 2)
    call_id = house.call_id
    outcome = await house.hang_up()
    assert (outcome.reason, outcome.error) == (EndReason.CALLER, None)
    items = house.items(call_id)
    assert [item.position for item in items] == sorted({item.position for item in items})
    assert all(item.is_finished for item in items)
    assert [item.text for item in items if item.role is Role.USER] == [
        "How far is the moon?",
        "Please give me Max",
        "What time is it?",
        "Thank you",
        "Tell me of the sea",
        "Thank you, again",
    ]
    spoken = [item.text for item in items if item.role is Role.AGENT and item.kind is ItemKind.MESSAGE]
    assert spoken[:3] == [ADA, "384,400 kilometres.", MAX] and spoken[-1] == "You are welcome."
    assert [item.text for item in items if item.kind is ItemKind.HANDOVER] == ["ada -> max"]
    kinds = [item.kind for item in items]
    assert kinds.count(ItemKind.TOOL_CALL) == kinds.count(ItemKind.TOOL_RESULT) == 1
    broken = [item for item in items if item.status is ItemStatus.INTERRUPTED]
    assert all(SEA.startswith(item.text) for item in broken)


async def test_what_a_new_session_is_given_is_the_conversation(house: RealtimeHouse, proxy: JudgingProxy):
    """After the break the replay has every finished message, in order and once, and no notice."""
    house.start()
    await heard(house, ADA)
    await types(house, "How far is the moon?", "384,400 kilometres.")
    first = len(proxy.from_client)
    house.leg.do(CallerText("Tell me of the sea"))
    await house.until(lambda: proxy.connections == 2)
    await types(house, "Thank you", "You are welcome.")
    frames = proxy.from_client[first + 2 :]  # after the turn and its request
    assert frames[0]["type"] == "session.update"
    given = [
        frame["item"]["content"][0]["text"] for frame in frames if frame["type"] == "conversation.item.create"
    ]
    assert given[:4] == [ADA, "How far is the moon?", "384,400 kilometres.", "Tell me of the sea"]
    assert len(given) == len(set(given)) and given[-1] == "Thank you"
    await house.hang_up()


async def test_the_beta_rejection_ends_the_call_whole(house: RealtimeHouse, proxy: JudgingProxy):
    """A server that has shut the beta off ends the call with its reason; what was said before is kept."""
    house.start()
    await heard(house, ADA)
    call_id = house.call_id
    proxy.as_beta = True
    house.leg.do(CallerText("Tell me of the sea"))
    outcome = await house.outcome()
    assert outcome.reason is EndReason.ENGINE_FAILED
    assert "beta_api_shape_disabled" in str(outcome.error)
    assert proxy.connections == 2
    assert house.messages(call_id)[:2] == [
        (Role.AGENT, ADA, ItemStatus.COMPLETED),
        (Role.USER, "Tell me of the sea", ItemStatus.COMPLETED),
    ]
