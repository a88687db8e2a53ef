"""The replies that tools lead to: one for each response, over whatever session there is."""

from __future__ import annotations

import json

from agentvoice.core.call import EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.leg import HungUp
from agentvoice.core.speech import (
    CreateItem,
    ItemRemoved,
    Respond,
    ResponseEnded,
    ResponseStarted,
    SendToolResult,
    SessionLost,
    SpeechStarted,
    TurnCommitted,
)
from agentvoice.errors import ConnectFailed
from agentvoice.services.call_tools import CALL_ENDED
from tests.fakes.tool_server import ToolServer
from tests.services.conftest import House
from tests.services.tool_scene import (
    OK,
    ask,
    call_with,
    hang_up,
    kept,
    results,
    until,
)


async def test_two_tools_of_one_response_get_one_reply(house: House, server: ToolServer):
    """The model is asked to go on when both results are in and the response is over, and once."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(ResponseStarted("r1"), ask("c1"), ask("c2", "current_time", "{}"))
    await results(house, house.session)
    house.session.emit(ResponseEnded("r1", OK))
    await house.settle()
    assert house.session.told_of(Respond) == []
    server.go.set()
    await results(house, house.session, 2)
    assert [result.tool_ref for result in house.session.told_of(SendToolResult)] == ["c2", "c1"]
    assert house.session.told_of(Respond) == [Respond()]
    await hang_up(house, call)


async def test_a_fast_tool_waits_for_the_end_of_its_response(house: House, server: ToolServer):
    """While the response is being made it may ask for more tools."""
    call = await call_with(house, server)
    house.session.emit(ResponseStarted("r1"), ask("c1", "current_time", ""))
    await results(house, house.session)
    assert house.session.told_of(Respond) == []
    house.session.emit(ask("c2", "current_time", ""), ResponseEnded("r1", OK))
    await results(house, house.session, 2)
    assert house.session.told_of(Respond) == [Respond()]
    await hang_up(house, call)


async def test_a_response_whose_end_was_lost_is_over_with_the_next(house: House, server: ToolServer):
    """Tools of a newer response show that the older one asks for no more."""
    call = await call_with(house, server)
    house.session.emit(ResponseStarted("r1"), ask("c1", "current_time", ""))
    await results(house, house.session)
    house.session.emit(ResponseStarted("r2"), ask("c2", "current_time", ""), ResponseEnded("r2", OK))
    await results(house, house.session, 2)
    assert house.session.told_of(Respond) == [Respond(), Respond()]
    await hang_up(house, call)


async def test_a_result_in_a_gap_comes_with_the_replay(house: House, server: ToolServer):
    """The session to come gets call and result with the conversation, and is asked to reply once."""
    call = await call_with(house, server)
    first = house.session
    server.go.clear()
    first.emit(ResponseStarted("r1"), ask("c1"), ResponseEnded("r1", OK))
    await until(house, lambda: server.asked)
    house.engine.refuse = lambda: ConnectFailed("not yet")
    first.emit(SessionLost("cable pulled"))
    await house.settle()
    server.go.set()
    await until(house, lambda: any(item.kind is ItemKind.TOOL_RESULT for item in house.leg.items.values()))
    house.engine.refuse = lambda: None
    await house.clock.advance(2.0)
    await house.settle()
    called, result = (command.item for command in house.session.told_of(CreateItem))
    assert (called.kind, result.kind) == (ItemKind.TOOL_CALL, ItemKind.TOOL_RESULT)
    assert called.tool_call_id == result.tool_call_id
    assert (house.session.told_of(SendToolResult), house.session.told_of(Respond)) == ([], [Respond()])
    assert first.told_of(SendToolResult) == []
    await hang_up(house, call)


async def test_a_result_after_a_gap_is_an_item_of_the_new_session(house: House, server: ToolServer):
    """The new session knows the call by its replay, not by the old session's id."""
    call = await call_with(house, server)
    first = house.session
    server.go.clear()
    first.emit(ResponseStarted("r1"), ask("c1"))  # the response never ends: it is lost too
    await until(house, lambda: server.asked)
    first.emit(SessionLost("cable pulled"))
    await until(house, lambda: house.session is not first)
    await house.settle()
    replies = len(house.session.told_of(Respond))
    server.go.set()
    await until(house, lambda: len(house.session.told_of(CreateItem)) == 2)
    await house.settle()
    called, result = (command.item for command in house.session.told_of(CreateItem))
    assert called.tool_call_id == result.tool_call_id
    assert house.session.told_of(SendToolResult) == []
    assert len(house.session.told_of(Respond)) == replies + 1
    await hang_up(house, call)


async def test_a_response_lost_with_its_session_is_replied_to(house: House, server: ToolServer):
    """All results were in when the session went before the response was over."""
    call = await call_with(house, server)
    first = house.session
    first.emit(ResponseStarted("r1"), ask("c1", "current_time", ""))
    await results(house, first)
    first.emit(SessionLost("cable pulled"))
    await until(house, lambda: house.session is not first)
    await house.settle()
    assert house.session.told_of(Respond) == [Respond()]
    await hang_up(house, call)


async def test_a_tool_that_outlives_the_call_is_given_up(house: House, server: ToolServer):
    """The call ends at once; its record says that no result came."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(ask("c1"))
    await until(house, lambda: server.asked)
    call_id = await hang_up(house, call)
    assert house.session.told_of(SendToolResult) == []
    (result,) = kept(house, call_id, ItemKind.TOOL_RESULT)
    assert json.loads(result.text) == {"ok": False, "error": CALL_ENDED}


async def test_a_result_asks_for_no_reply_once_the_call_ends(house: House, server: ToolServer):
    """The caller hung up while his last words are awaited: a reply would only cost."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(ask("c1"))
    await until(house, lambda: server.asked)
    house.session.emit(TurnCommitted("u1"))
    await house.settle()
    house.leg.do(HungUp())
    await house.settle()
    server.go.set()
    await results(house, house.session)
    assert house.session.told_of(Respond) == []
    await hang_up(house, call)


async def test_a_result_asks_for_no_reply_after_the_goodbye(house: House, server: ToolServer):
    """The agent has said its last words, and nothing comes after them."""
    call = await call_with(house, server)
    house.session.emit_reply("r1", "Goodbye!", 500, end=False)
    house.session.emit(ask("c1"), ask("c2", "end_call", "{}"), ResponseEnded("r1", OK))
    await results(house, house.session)
    assert house.session.told_of(Respond) == []
    house.leg.hear_all()
    assert (await call).reason is EndReason.AGENT


async def test_a_result_does_not_speak_over_the_caller(house: House, server: ToolServer):
    """The caller talks when the tool is done: his turn gets the reply, or its end if it was nothing."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(ask("c1"))
    await until(house, lambda: server.asked)
    house.session.emit(SpeechStarted(0))
    await house.settle()
    server.go.set()
    await results(house, house.session)
    assert house.session.told_of(Respond) == []
    house.session.emit(ItemRemoved("u1"))
    await house.settle()
    assert house.session.told_of(Respond) == [Respond()]
    await hang_up(house, call)


async def test_a_reply_to_the_caller_tells_the_result_too(house: House, server: ToolServer):
    """What was owed when a reply was completed is owed no more."""
    call = await call_with(house, server)
    house.session.emit(SpeechStarted(0))
    await house.settle()
    house.session.emit(ask("c1", "current_time", ""))
    await results(house, house.session)
    house.session.emit_turn("u1", "And?")
    house.session.emit(ResponseStarted("r2"), ResponseEnded("r2", OK), ItemRemoved("u2"))
    await house.settle()
    assert house.session.told_of(Respond) == []
    await hang_up(house, call)


async def test_the_new_agent_is_told_what_the_old_one_asked(house: House, server: ToolServer):
    """A handover in place while a tool runs: the session stays, so the result goes to it by its id."""
    call = await call_with(house, server)
    server.go.clear()
    house.session.emit(ask("c1"))
    await until(house, lambda: server.asked)
    house.session.emit(ask("c2", "transfer_to_max", "{}"))
    await results(house, house.session)
    server.go.set()
    await results(house, house.session, 2)
    assert [result.tool_ref for result in house.session.told_of(SendToolResult)] == ["c2", "c1"]
    assert house.session.told_of(Respond) == [Respond("Max speaking."), Respond()]
    await hang_up(house, call)
