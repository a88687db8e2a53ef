from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agentvoice.core.call import LEASE_VALID_MS, CallState, EndReason
from agentvoice.core.leg import HungUp
from agentvoice.errors import CallError, CallLimitReached, NotFound, Refused
from agentvoice.services.call_manager import CallRequest
from agentvoice.storage import agents, conversations
from tests.fakes.caller_leg import FakeLeg
from tests.services.conftest import House


async def test_unknown_names_are_refused_before_there_is_a_call(house: House):
    """No row is made for a call that cannot be."""
    with pytest.raises(NotFound, match="eve"):
        await house.start("eve")
    with pytest.raises(NotFound, match="nowhere"):
        await house.manager.run(CallRequest("ada", project="nowhere"), house.leg)
    assert house.manager.live_calls == ()


async def test_a_caller_of_other_projects_is_refused(house: House):
    """Also when no project is named and the default is not among theirs; their own is called."""
    theirs = frozenset({"garden"})
    for project in ("", "home"):
        with pytest.raises(Refused, match="project: got 'home', want one that you may call: garden"):
            await house.manager.check(CallRequest("ada", project, projects=theirs))
    await house.manager.check(CallRequest("ada", "home", projects=theirs | {"home"}))


async def test_a_disabled_agent_does_not_answer(house: House):
    """The refusal names the command that helps."""
    with house.database.writing() as session:
        agents.set_agent_enabled(session, "ada", False, house.clock.utc_ms())
    with pytest.raises(Refused, match="agentvoice agent enable ada"):
        await house.start()
    with pytest.raises(Refused, match="disabled"):
        await house.manager.check(CallRequest("ada"))


async def test_an_edited_agent_is_effective_at_the_next_handover(house: House):
    """Nothing is cached: the handover uses the profile as it is stored then, and records the revision."""
    call = await house.live_call()
    with house.database.writing() as session:
        profile = agents.get_agent(session, "max").profile
        agents.update_agent(session, replace(profile, greeting="New words."), house.clock.utc_ms())
    await house.clock.advance(1)
    await house.manager.switch(house.manager.live_calls[0], "max")
    assert house.session.told[-1].say == "New words."  # type: ignore[union-attr] # a Respond
    house.leg.do(HungUp())
    call_id = (await call).call_id
    with house.database.reading() as reading:
        joined = [(row.agent, row.revision) for row in conversations.agents_of(reading, call_id)]
    assert joined == [("ada", 1), ("max", 2)]


async def test_no_more_calls_than_the_limit(house: House):
    """The call above the limit is refused with the setting's name; the others go on."""
    await house.live_call()
    house.start("max", FakeLeg())
    await house.until(lambda: len(house.manager.live_calls) == 2)
    with pytest.raises(CallLimitReached, match=r"2 are live, \[calls\] max_calls is 2"):
        await house.start("max", FakeLeg())


async def test_operators_end_and_switch_live_calls_only(house: House):
    """A call that is not live here is not found."""
    call = await house.live_call()
    with pytest.raises(NotFound, match="not live here"):
        await house.manager.switch("0" * 32, "max")
    with pytest.raises(NotFound):
        house.manager.end("0" * 32)
    house.manager.end(house.manager.live_calls[0])
    assert (await call).reason is EndReason.OPERATOR


async def test_a_failed_switch_tells_the_operator(house: House):
    """The operator gets the reason, the call goes on."""
    call = await house.live_call()
    with pytest.raises(CallError, match="Ada is speaking already"):
        await house.manager.switch(house.manager.live_calls[0], "ada")
    assert not call.done()


async def test_leases_are_renewed_while_calls_live(house: House):
    """A live call's lease never runs out, so nobody takes it over."""
    keeper = asyncio.ensure_future(house.manager.keep_leases())
    await house.live_call()
    (live,) = house.manager.live_calls
    for _ in range(24):
        await house.clock.advance(5)
        await house.settle()
    assert house.call(live).lease_until >= house.clock.utc_ms() + LEASE_VALID_MS - 5_000
    assert await house.new_manager().recover() == ()
    keeper.cancel()


async def test_a_crashed_call_is_taken_once(house: House):
    """When the lease has run out, one of several processes ends the call and publishes it."""
    await house.live_call()
    house.session.emit_turn("u1", "Hello")
    await house.settle()
    (live,) = house.manager.live_calls
    others = [house.new_manager() for _ in range(3)]
    assert await others[0].recover() == ()  # the lease still holds
    await house.clock.advance(LEASE_VALID_MS / 1000 + 1)
    taken = await asyncio.gather(*(other.recover() for other in others))
    assert sorted(taken) == [(), (), (live,)]
    assert house.ended == [live]
    stored = house.call(live)
    assert (stored.state, stored.end_reason) == (CallState.ENDED, EndReason.CRASH)


async def test_a_live_call_of_ours_is_never_taken_for_crashed(house: House):
    """The clock leaps (the machine slept): the call goes on, unpublished, and ends as its caller says."""
    call = await house.live_call()
    house.session.emit_turn("u1", "Hello")
    await house.settle()
    (live,) = house.manager.live_calls
    await house.clock.advance(3_600 - 1)  # no lease was renewed meanwhile
    assert await house.manager.recover() == ()
    assert (house.ended, house.call(live).state) == ([], CallState.LIVE)
    house.leg.do(HungUp())
    await call
    assert house.call(live).end_reason is EndReason.CALLER


async def test_draining_waits_then_ends(house: House):
    """A stopping daemon takes no more calls, lets live ones go on, and ends them at the limit."""
    call = await house.live_call()
    draining = asyncio.ensure_future(house.manager.drain(timeout_s=30))
    await house.settle()
    with pytest.raises(CallLimitReached, match="stopping"):
        await house.start("max", FakeLeg())
    await house.clock.advance(29)
    assert not call.done()
    await house.clock.advance(2)
    assert (await call).reason is EndReason.DRAINED
    await house.clock.advance(1)
    await draining
