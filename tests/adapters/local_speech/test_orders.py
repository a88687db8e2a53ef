"""Orders by voice become tool calls; one is open at a time."""

from __future__ import annotations

import json

from agentvoice.adapters.local_speech.context import Context
from agentvoice.adapters.local_speech.mailbox import Outbox
from agentvoice.adapters.local_speech.orders import MAX_REASON_CHARS, Orders
from agentvoice.core.speech import ItemAdded, ToolCallRequested
from agentvoice.core.spoken_commands import EndCall, HandOver
from tests.fakes.session_probe import ADA, config


def parts() -> tuple[Orders, Context, Outbox]:
    context, outbox = Context(config()), Outbox()
    return Orders(config(), context, outbox), context, outbox


async def test_a_transfer_names_its_target_and_reason():
    """The item is added before the call is requested; a long reason is cut."""
    orders, _, outbox = parts()
    orders.transfer("max", "x" * 1_000)
    added, call = await outbox.take(), await outbox.take()
    assert isinstance(added, ItemAdded) and isinstance(call, ToolCallRequested)
    assert added.ref == call.ref and call.name == "transfer_to_max"
    assert len(json.loads(call.arguments)["reason"]) == MAX_REASON_CHARS


def test_nothing_is_an_order_while_a_tool_is_open():
    """Until its result or a reply, what is said is only heard."""
    orders, _, _ = parts()
    assert orders.find("Hand me to Max.") == HandOver("max")
    orders.end_call()
    assert orders.is_open and orders.find("Hand me to Max.") is None
    orders.settle()
    assert orders.find("Bye.") == EndCall()


def test_a_result_is_told_to_the_model_only_while_it_is_waited_for():
    """After a handover was carried out its result is no news."""
    orders, context, _ = parts()
    orders.transfer("max", "")
    orders.answered('{"ok": false}')
    assert "transfer_to_max was answered" in context.messages()[-1].content
    before = context.messages()
    orders.answered('{"ok": true}')
    assert context.messages() == before


def test_another_agent_has_other_targets():
    """After a handover the old agent is a target, the new one is not."""
    orders, _, _ = parts()
    orders.configure(config("max", (ADA,)))
    assert orders.find("Hand me back to Ada.") == HandOver("ada")
    assert orders.find("Hand me to Max.") is None
