"""Typed turns while the session changes; handovers and losses are in test_call_lifecycle."""

from __future__ import annotations

import asyncio

from agentvoice.core.item import ItemKind, Role
from agentvoice.core.leg import CallerText, CallStatus, HungUp
from agentvoice.core.speech import CreateItem, Respond, SessionLost
from agentvoice.errors import ConnectFailed
from tests.services.conftest import House


def typed_texts(house: House, call_id: str) -> list[str]:
    """The caller's stored turns."""
    return [
        item.text for item in house.items(call_id) if (item.kind, item.role) == (ItemKind.MESSAGE, Role.USER)
    ]


async def test_a_turn_typed_while_the_call_connects_is_answered(house: House):
    """It waits for the session, behind the greeting."""
    house.leg.do(CallerText("Are you there?"))
    call = await house.live_call()
    assert house.session.told_of(Respond) == [Respond("Hello, Ada here."), Respond()]
    assert [command.item.text for command in house.session.told_of(CreateItem)] == ["Are you there?"]
    assert house.leg.status is CallStatus.THINKING
    house.leg.do(HungUp())
    assert typed_texts(house, (await call).call_id) == ["Are you there?"]


async def test_a_turn_typed_into_a_gap_is_answered_by_the_next_session(house: House):
    """Nobody was there to take it."""
    call = await house.live_call()
    house.session.emit_reply("r1", "Hello", 10)
    await house.settle()
    house.leg.hear_all()
    await house.settle()
    house.engine.refuse = lambda: ConnectFailed("engine local: not yet")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    house.leg.do(CallerText("Still there?"))
    await house.settle()
    house.engine.refuse = lambda: None
    await house.clock.advance(2.0)
    await house.settle()
    assert [command.item.text for command in house.session.told_of(CreateItem)] == ["Hello", "Still there?"]
    assert house.session.told_of(Respond) == [Respond()]
    house.leg.do(HungUp())
    await call


async def test_a_turn_typed_into_a_gap_is_kept_when_the_call_ends(house: House):
    """No session took it, but it was said; a wish in it counts at once."""
    call = await house.live_call()
    house.engine.refuse = lambda: ConnectFailed("engine local: not yet")
    house.session.emit(SessionLost("cable pulled"))
    await house.settle()
    house.leg.do(CallerText("Do not publish this call"))
    await house.settle()
    (live,) = house.manager.live_calls
    assert house.call(live).do_not_publish
    house.leg.do(HungUp())
    await asyncio.wait_for(call, 5.0)
    assert typed_texts(house, live) == ["Do not publish this call"]
