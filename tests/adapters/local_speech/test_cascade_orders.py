"""Orders by voice in a local session: they come before the model, and go the way of tool calls."""

from __future__ import annotations

import asyncio
import json

import pytest

from agentvoice.core.item import Item, ItemKind, ItemStatus, Role
from agentvoice.core.speech import (
    AudioDelta,
    CancelResponse,
    Configure,
    CreateItem,
    ItemAdded,
    ItemDone,
    Respond,
    ResponseEnded,
    ResponseStarted,
    SendToolResult,
    ToolCallRequested,
)
from tests.fakes.session_probe import ADA, config, names, probe_of
from tests.fakes.stages import silence, speech

HAND_OVER = "Please hand me over to macks."
MAX_CONFIG = config("max", (ADA,))


def typed(text: str) -> CreateItem:
    return CreateItem(Item("item", 0, ItemKind.MESSAGE, Role.USER, "ada", text, ItemStatus.COMPLETED))


async def test_a_handover_by_voice_is_a_tool_call_and_no_reply():
    """The model is not asked; the user's text stands before the tool call."""
    probe = probe_of(heard=(HAND_OVER,))
    await probe.say()
    call = await probe.wait_for(ToolCallRequested)
    await probe.settle()
    assert call.name == "transfer_to_max"
    assert json.loads(call.arguments) == {"reason": HAND_OVER}
    assert names(probe.events)[-3:] == ["ItemDone", "ItemAdded", "ToolCallRequested"]
    assert probe.told(ItemAdded)[-1].kind is ItemKind.TOOL_CALL
    assert probe.models.llm.asked == []
    await probe.close()


async def test_transfer_updates_then_speaks():
    """After the result nothing is said until a reply is asked for; the new agent knows why it was called."""
    probe = probe_of(["Max here."], heard=(HAND_OVER,))
    await probe.say()
    call = await probe.wait_for(ToolCallRequested)
    probe.send(Configure(MAX_CONFIG))
    probe.send(SendToolResult(call.tool_ref, '{"ok": true}'))
    await probe.settle()
    assert probe.told(ResponseStarted) == []
    probe.send(Respond())
    await probe.wait_for(ResponseEnded)
    assert [(m.role, m.content) for m in probe.models.llm.asked[0]] == [
        ("system", "You are Max."),
        ("user", f"{HAND_OVER}\n[The caller was handed over from Ada to you, Max.]"),
    ]
    assert probe.models.tts.spoken == [("Max here.", "voice of max")]
    await probe.close()


async def test_transfer_failure_is_a_no_op():
    """A refused handover leaves the agent in place, told of the refusal, and orders work again."""
    probe = probe_of(["Sorry."], heard=(HAND_OVER,))
    await probe.say()
    call = await probe.wait_for(ToolCallRequested)
    probe.send(SendToolResult(call.tool_ref, '{"ok": false, "error": "max is away"}'))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded)
    assert "max is away" in probe.models.llm.asked[0][-1].content
    await probe.hear(silence(2_000))
    await probe.say()
    await probe.wait_for(ToolCallRequested, 2)
    await probe.close()


async def test_nobody_is_handed_to_an_agent_that_is_no_target():
    """The current agent and unknown agents are left to the model."""
    probe = probe_of(["I am Ada."], heard=("Hand me to Ada.",))
    await probe.say()
    await probe.wait_for(ResponseEnded)
    assert probe.told(ToolCallRequested) == []
    await probe.close()


async def test_what_is_said_during_a_handover_waits_for_the_new_agent():
    """A turn while the tool call is open gets no reply of the old agent, and no second tool call."""
    probe = probe_of(["Max here."], heard=(HAND_OVER, "Hand me to Max please."))
    await probe.say()
    call = await probe.wait_for(ToolCallRequested)
    await probe.hear(silence(2_000))
    await probe.say()
    await probe.wait_for(ItemDone, 2)
    await probe.settle()
    assert probe.told(ResponseStarted) == []
    probe.send(Configure(MAX_CONFIG))
    probe.send(SendToolResult(call.tool_ref, '{"ok": true}'))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded)
    assert len(probe.told(ToolCallRequested)) == 1
    await probe.close()


async def test_goodbye_is_answered_and_then_ends_the_call():
    """The farewell's sound comes before the tool call, so that the call ends with the agent's words."""
    probe = probe_of(heard=("Thank you, goodbye.",))
    await probe.say()
    call = await probe.wait_for(ToolCallRequested)
    assert call.name == "end_call"
    assert probe.text == "Goodbye!"
    assert names(probe.events)[-5:] == [
        "ItemDone",
        "UsageReported",
        "ResponseEnded",
        "ItemAdded",
        "ToolCallRequested",
    ]
    assert probe.models.llm.asked == []
    await probe.close()


async def test_a_farewell_that_is_interrupted_does_not_end_the_call():
    """A caller who says "no, wait" keeps the line."""
    probe = probe_of(heard=("Goodbye.", "Goodbye, no wait, one more thing."))
    probe.models.tts.between["Goodbye!"] = asyncio.Event()
    await probe.say()
    await probe.wait_for(AudioDelta)
    await probe.hear(speech(300))
    probe.send(CancelResponse(probe.told(ResponseStarted)[0].response))
    await probe.hear(silence(600))
    await probe.wait_for(ResponseEnded, 2)
    assert probe.told(ToolCallRequested) == []
    await probe.close()


async def test_a_farewell_that_cannot_be_spoken_still_ends_the_call():
    """The caller wanted to go: a failing voice does not keep them."""
    probe = probe_of(heard=("Goodbye.",))
    probe.models.tts.before["Goodbye!"] = RuntimeError("no voice")
    await probe.say()
    assert (await probe.wait_for(ToolCallRequested)).name == "end_call"
    await probe.close()


@pytest.mark.parametrize(("text", "tool"), [(HAND_OVER, "transfer_to_max"), ("Bye.", "end_call")])
async def test_typed_turns_follow_the_same_orders(text: str, tool: str):
    """A typed turn is an item and a Respond; its orders are found then."""
    probe = probe_of()
    probe.send(typed(text))
    probe.send(Respond())
    assert (await probe.wait_for(ToolCallRequested)).name == tool
    assert probe.models.llm.asked == []
    await probe.close()


async def test_replayed_turns_are_no_orders():
    """A conversation that is replayed with its tool call does not hand over again."""
    probe = probe_of(["Max here."])
    probe.send(typed(HAND_OVER))
    probe.send(CreateItem(Item("2", 1, ItemKind.TOOL_CALL, Role.AGENT, "ada", "{}", ItemStatus.COMPLETED)))
    probe.send(Respond())
    await probe.wait_for(ResponseEnded)
    assert probe.told(ToolCallRequested) == []
    await probe.close()


async def test_a_greeting_is_spoken_even_after_an_order():
    """Respond(say) speaks; it never looks for orders in the turn before."""
    probe = probe_of()
    probe.send(typed(HAND_OVER))
    probe.send(Respond("Hello."))
    await probe.wait_for(ResponseEnded)
    assert probe.text == "Hello."
    assert probe.told(ToolCallRequested) == []
    await probe.close()


async def test_an_order_is_carried_out_though_the_caller_speaks_on():
    """A handover whose transcript comes late does not wait for the end of the next sentence."""
    gate = asyncio.Event()
    probe = probe_of(heard=((gate, HAND_OVER), "Because of the bridge."))
    await probe.say()
    await probe.hear(silence(1_600), speech(400))
    gate.set()
    assert (await probe.wait_for(ToolCallRequested)).name == "transfer_to_max"
    await probe.close()
