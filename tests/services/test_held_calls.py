"""Calls that outlive their caller's connection, with a real call behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from agentvoice.core.call import LEASE_VALID_MS, LOCAL_CALLER, EndReason
from agentvoice.core.item import ItemKind
from agentvoice.core.leg import CallerText, HungUp
from agentvoice.errors import NotFound
from agentvoice.services.call_manager import CallOutcome, CallRequest
from agentvoice.services.held_calls import HeldCalls
from tests.fakes.caller_leg import FakeLeg
from tests.services.conftest import House


class Desk:
    """Held calls of a house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.held = HeldCalls(house.manager)
        self.started: list[tuple[str, str]] = []

    def begin(self, line: FakeLeg, agent: str = "ada") -> asyncio.Task[CallOutcome | None]:
        held = self.held.begin(CallRequest(agent), "page", lambda call, key: self.started.append((call, key)))
        return asyncio.ensure_future(held.follow(line))

    async def live(self, line: FakeLeg) -> asyncio.Task[CallOutcome | None]:
        following = self.begin(line)
        await self.house.until(lambda: self.house.engine.sessions)
        return following


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    built = Desk(house)
    yield built
    await built.held.close()


async def test_a_call_goes_on_without_its_caller_until_they_are_back(desk: Desk):
    """Who followed the lost line is let go; the one who is back follows to the end. The gap is an item."""
    first, second = FakeLeg(), FakeLeg()
    following = await desk.live(first)
    first.vanish()
    assert await following is None
    await desk.house.clock.advance(30)
    (call, key) = desk.started[0]
    assert desk.house.manager.live_calls == (call,)
    back = asyncio.ensure_future(desk.held.find(call, key, LOCAL_CALLER).follow(second, 0))
    second.do(CallerText("I am back"), HungUp())
    await desk.house.until(lambda: second.is_closed or desk.house.clock.next_timer_s is None)
    await desk.house.clock.advance(30)
    outcome = await back
    assert outcome is not None
    assert (outcome.call_id, outcome.reason) == (call, EndReason.CALLER)
    notice, *_ = [item for item in desk.house.items(call) if item.kind is ItemKind.NOTICE]
    assert "lost for 30.0 s" in notice.text
    with pytest.raises(NotFound):
        desk.held.find(call, key, LOCAL_CALLER)


async def test_the_lease_is_kept_while_nobody_is_there(desk: Desk):
    """No other process takes a held call for crashed."""
    keeping = asyncio.ensure_future(desk.house.manager.keep_leases())
    first = FakeLeg()
    await desk.live(first)
    first.vanish()
    await desk.house.settle()
    for _ in range(10):
        await desk.house.clock.advance(5)
        await desk.house.settle()
    call, _ = desk.started[0]
    assert desk.house.call(call).lease_until > desk.house.clock.utc_ms() + LEASE_VALID_MS / 2
    assert await desk.house.new_manager().recover() == ()
    keeping.cancel()


async def test_a_call_whose_caller_stays_away_ends_as_theirs(desk: Desk):
    """After the time of `calls.hold_s`; what was said is kept, and the key is worth nothing any more."""
    first = FakeLeg()
    await desk.live(first)
    first.vanish()
    await desk.house.settle()
    await desk.house.clock.advance(desk.house.settings.hold_s)
    await desk.house.until(lambda: not desk.house.manager.live_calls)
    call, key = desk.started[0]
    assert desk.house.call(call).end_reason is EndReason.CALLER
    with pytest.raises(NotFound, match="not held here"):
        desk.held.find(call, key, LOCAL_CALLER)


async def test_a_call_is_found_by_its_own_key_only(desk: Desk):
    """Which of the two is wrong is not said."""
    await desk.live(FakeLeg())
    call, key = desk.started[0]
    for other_call, other_key in ((call, "0" * 32), (call, ""), (call, "é"), ("0" * 32, key)):
        with pytest.raises(NotFound, match="it is not held here, or has another key"):
            desk.held.find(other_call, other_key, LOCAL_CALLER)
    assert desk.held.find(call, key, LOCAL_CALLER).call_id == call


async def test_a_refusal_before_there_is_a_call_comes_through(desk: Desk):
    """As without a hold; it is no unseen fault if nobody waits for it."""
    with pytest.raises(NotFound, match="eve"):
        await desk.begin(FakeLeg(), "eve")
    desk.begin(FakeLeg(), "eve").cancel()
    await desk.house.settle()


async def test_closing_cuts_calls_off(desk: Desk):
    """A server that stops without draining leaves no call behind."""
    await desk.live(FakeLeg())
    await desk.held.close()
    assert desk.house.manager.live_calls == ()
