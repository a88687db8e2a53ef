"""Handover on the wire: what is sent in which order, and what becomes of the caller's words."""

from __future__ import annotations

import json

import pytest

from agentvoice.core.call import CallState, EndReason
from agentvoice.core.item import ItemKind, ItemStatus, Role
from agentvoice.core.leg import CallerText, CallStatus
from agentvoice.storage import agents
from tests.fakes.realtime_provider import ProviderSession, tool_call
from tests.realtime_calls.conftest import RealtimeHouse

UPDATE, ITEM, REPLY = "session.update", "conversation.item.create", "response.create"


def created(session: ProviderSession) -> list[tuple[str, str]]:
    """What was put into the session's conversation: kind or role, and text."""
    told = []
    for event in session.sent(ITEM):
        item = event["item"]
        content = item.get("content") or [{}]
        text = content[0].get("text") or item.get("arguments") or item.get("output") or ""
        told.append((item.get("role") or item["type"], text))
    return told


def handovers(house: RealtimeHouse, call_id: str = "") -> list[str]:
    """The handovers as stored."""
    return [item.text for item in house.items(call_id) if item.kind is ItemKind.HANDOVER]


async def ask_for(house: RealtimeHouse, session: ProviderSession, slug: str) -> None:
    """The caller asks for another agent and the model calls its tool."""
    await session.turn("u1", f"Give me {slug}.")
    await session.calls_tool("r1", f"transfer_to_{slug}")
    await house.until(lambda: REPLY in session.types or len(house.provider.sessions) > 1)
    await house.settle()


async def test_transfer_updates_then_speaks(house: RealtimeHouse):
    """In place: session.update with all of the new agent, then the tool's result, then one reply."""
    session = await house.live_call()
    await ask_for(house, session, "max")
    assert session.types == [UPDATE, ITEM, REPLY]
    _, update = session.sent(UPDATE)
    assert session.config.keys() - {"tracing"} <= update["session"].keys()  # that one is fixed at the start
    assert update["session"]["audio"] == session.config["audio"]
    assert "Max" in update["session"]["instructions"]
    (result,) = session.sent(ITEM)
    assert result["item"]["type"] == "function_call_output" and result["item"]["call_id"] == "call_1"
    assert json.loads(result["item"]["output"])["ok"] is True
    await session.replies("r2", "Max here.", 20)
    await house.settle()
    await house.hears_all()
    assert session.types == [UPDATE, ITEM, REPLY]
    assert handovers(house) == ["ada -> max"]
    assert house.items()[-1].agent == "max"
    await house.hang_up()


async def test_transfer_by_new_session_replays_then_speaks(house: RealtimeHouse):
    """Another voice: a session of its own gets agent, conversation and tool result, then one request."""
    session = await house.live_call()
    await session.replies("r0", "Ada here.", 20)
    await house.settle()
    await house.hears_all()
    await ask_for(house, session, "eva")
    fresh = await house.provider.session()
    await house.settle()
    assert fresh.config["audio"]["output"]["voice"] == "cedar"
    assert fresh.types[-1] == REPLY and fresh.types.count(REPLY) == 1
    assert [kind for kind, _ in created(fresh)] == [
        "assistant", "user", "function_call", "system", "function_call_output"
    ]  # fmt: skip
    assert session.link.closed.is_set()
    await fresh.replies("r1", "Eva here.", 20)
    await house.settle()
    await house.hears_all()
    assert house.messages()[-1] == (Role.AGENT, "Eva here.", ItemStatus.COMPLETED)
    await house.hang_up()


@pytest.mark.parametrize("why", ["unknown", "disabled", "itself"])
async def test_transfer_failure_is_a_no_op(house: RealtimeHouse, why: str):
    """A handover that is not allowed: the old agent keeps session and words, and is told why."""
    session = await house.live_call()
    slug = {"unknown": "nobody", "disabled": "eva", "itself": "ada"}[why]
    if why == "disabled":
        with house.database.writing() as writing:
            agents.set_agent_enabled(writing, "eva", False, house.clock.utc_ms())
    await ask_for(house, session, slug)
    assert session.types == [ITEM, REPLY]
    assert json.loads(created(session)[0][1])["ok"] is False
    await still_ada(house, session)


async def test_a_transfer_that_cannot_connect_is_a_no_op(house: RealtimeHouse):
    """The new agent's session is refused: the old one goes on in its own, and hears the caller."""
    session = await house.live_call()
    await session.replies("r0", "Ada here.", 20)
    await house.settle()
    await house.hears_all()
    house.provider.refuse(503, {"code": "overloaded"})
    await ask_for(house, session, "eva")
    assert json.loads(created(session)[0][1])["ok"] is False
    said = house.speaks(100)
    await house.settle()
    assert session.link.input_buffer == said
    assert len(house.provider.sessions) == 1
    await still_ada(house, session)


async def still_ada(house: RealtimeHouse, session: ProviderSession) -> None:
    """Ada says so, in her session; the caller was told."""
    assert not session.link.closed.is_set()
    await session.replies("r2", "I am still here.", 20)
    await house.settle()
    await house.hears_all()
    items = house.items()
    assert items[-1].agent == "ada" and items[-1].text == "I am still here."
    assert handovers(house) == []
    notice = next(item.text for item in items if item.kind is ItemKind.NOTICE)
    assert notice.startswith("The handover failed")
    assert house.leg.status is CallStatus.LISTENING
    assert house.call(house.call_id).state is CallState.LIVE
    await house.hang_up()


async def test_transfer_keeps_the_trigger(house: RealtimeHouse):
    """The words that asked for it, known only after the tool was called, are in the new agent's context."""
    session = await house.live_call()
    await session.replies("r0", "Ada here.", 400)
    await house.settle()
    await session.speech_started(item="u1")
    await session.speech_stopped(item="u1")
    await session.committed("u1")
    await session.calls_tool("r1", "transfer_to_eva")
    await session.transcript("u1", "Give me Eva, about the boat.")
    await house.settle()
    await house.hears_all()
    fresh = await house.provider.session()
    await house.settle()
    assert ("user", "Give me Eva, about the boat.") in created(fresh)
    await house.hang_up()


async def test_the_trigger_stays_where_the_session_stays(house: RealtimeHouse):
    """In place: the turn is not deleted, cut or created again; its late transcript is kept."""
    session = await house.live_call()
    await session.committed("u1")
    await session.calls_tool("r1", "transfer_to_max")
    await house.until(lambda: REPLY in session.types)
    await session.transcript("u1", "Give me Max.")
    await house.settle()
    assert [kind for kind, _ in created(session)] == ["function_call_output"]
    assert house.messages() == [(Role.USER, "Give me Max.", ItemStatus.COMPLETED)]
    await house.hang_up()


async def test_what_is_typed_during_a_transfer_is_answered_by_the_new_agent(house: RealtimeHouse):
    """The turn waits for the new session and is asked about there."""
    session = await house.live_call()
    await session.replies("r0", "Ada here.", 400)
    await house.settle()
    await session.calls_tool("r1", "transfer_to_eva")
    house.leg.do(CallerText("And quickly, please."))
    await house.settle()
    await house.hears_all()
    fresh = await house.provider.session()
    await house.settle()
    assert ("user", "And quickly, please.") in created(fresh)
    assert REPLY in fresh.types
    await house.hang_up()


async def test_tool_runs_once(house: RealtimeHouse):
    """The connection breaks with the result on its way: the handover is not done again, its result is replayed."""
    session = await house.live_call()
    session.link.connection.transport.pause_reading()  # the result never arrives
    wanted = tool_call("t1", "transfer_to_max", "call_1")
    await session.begins("r1")
    for _ in range(2):  # as servers do: told by its own event, and again by the reply's end
        await session.finishes("r1", wanted)
    await session.ends("r1", output=[wanted])
    await house.until(lambda: any(item.kind is ItemKind.HANDOVER for item in house.leg.items.values()))
    session.breaks()
    fresh = await house.provider.session()
    await house.settle()
    assert handovers(house) == ["ada -> max"]
    assert [kind for kind, _ in created(fresh)].count("function_call_output") == 1
    assert [kind for kind, _ in created(fresh)].count("function_call") == 1
    kinds = [item.kind for item in house.items()]
    assert kinds.count(ItemKind.TOOL_RESULT) == kinds.count(ItemKind.TOOL_CALL) == 1
    await house.hang_up()


async def test_a_result_that_is_refused_does_not_run_the_tool_again(house: RealtimeHouse):
    """The provider does not take the result: the handover was done once and stays done."""
    session = await house.live_call()
    await ask_for(house, session, "max")
    (result,) = session.sent(ITEM)
    await session.fails("invalid_tool_call_id", event_id=result["event_id"])
    await house.settle()
    assert handovers(house) == ["ada -> max"]
    assert session.types == [UPDATE, ITEM, REPLY]
    await house.hang_up()


async def test_an_end_call_that_is_told_twice_ends_once(house: RealtimeHouse):
    """The goodbye is heard, the call ends by the agent; one tool call is kept."""
    session = await house.live_call()
    await session.begins("r1")
    await session.adds("r1", "bye")
    await session.writes("r1", "bye", "Goodbye!")
    await session.speaks("r1", "bye", 200)
    wanted = tool_call("t1", "end_call", "call_1")
    await session.finishes("r1", wanted, 1)
    await session.ends("r1", output=[wanted])
    await house.settle()
    assert house.call(house.call_id).state is CallState.LIVE
    house.leg.hear_all()
    outcome = await house.outcome()
    assert outcome.reason is EndReason.AGENT
    kinds = [item.kind for item in house.items(outcome.call_id)]
    assert kinds.count(ItemKind.TOOL_CALL) == 1
    assert house.messages(outcome.call_id) == [(Role.AGENT, "Goodbye!", ItemStatus.COMPLETED)]
