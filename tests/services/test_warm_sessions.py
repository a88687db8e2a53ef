from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.leg import SwitchAsked
from agentvoice.core.speech import Configure, Respond, SessionLost, UsageReported
from agentvoice.errors import ConnectFailed
from agentvoice.services.warm_sessions import WarmLimit
from agentvoice.storage import agents, usage
from tests.fakes.caller_leg import FakeLeg
from tests.fakes.speech_session import FIXED, FakeEngine
from tests.services.conftest import House
from tests.services.slow_house import SlowHouse, open_sessions


@pytest.fixture
async def warm(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose calls keep two sessions warm, on an engine that keeps voice and model."""
    built = House(tmp_path, FakeEngine("local", FIXED))
    built.settings = replace(built.settings, warm_sessions=2, warm_session_minutes=10.0)
    built.manager = built.new_manager()
    yield built
    await built.close()


async def live_call(house: House) -> asyncio.Task:
    call = await house.live_call()
    await house.until(lambda: len(house.engine.sessions) == 2)
    return call


async def test_a_handover_takes_the_warm_session(warm: House):
    """It becomes the other agent as stored now, gets the conversation, and speaks; none is opened for it."""
    call = await live_call(warm)
    old, kept = warm.engine.sessions
    old.emit_reply("r1", "Ada here", 10)
    await warm.settle()
    warm.leg.hear_all()
    warm.engine.refuse = lambda: ConnectFailed("nothing opens any more")
    with warm.database.writing() as session:
        edited = replace(agents.get_agent(session, "max").profile, greeting="Max, edited.")
        agents.update_agent(session, edited, warm.clock.utc_ms())
    warm.leg.do(SwitchAsked("max"))
    await warm.until(lambda: kept.told_of(Respond))
    assert kept.told_of(Configure)[0].config.agent.greeting == "Max, edited."
    assert kept.told_of(Respond) == [Respond("Max, edited.")]
    assert old.is_closed and not kept.is_closed
    await warm.hang_up(call)
    assert open_sessions(warm) == []


async def test_after_a_handover_one_is_kept_for_the_way_back(warm: House):
    """The targets are those of the agent that speaks now."""
    call = await live_call(warm)
    warm.session.emit(UsageReported("", "any", input_text_tokens=3))
    warm.engine.sessions[0].emit_reply("r1", "Ada here", 10)
    await warm.settle()
    warm.leg.hear_all()
    warm.leg.do(SwitchAsked("max"))
    await warm.until(lambda: len(warm.engine.sessions) == 3)
    assert warm.session.config.agent.slug == "ada"
    outcome = await warm.hang_up(call)
    with warm.database.reading() as session:
        assert [entry.input_text_tokens for entry in usage.usage_of(session, outcome.call_id)] == [3]


async def test_a_call_that_ended_gives_its_place_back(warm: House):
    """There is one place: the next call keeps a session warm too."""
    warm.settings = replace(warm.settings, warm_sessions=1)
    warm.manager = warm.new_manager()
    await warm.hang_up(await live_call(warm))
    warm.leg = FakeLeg()
    call = await warm.live_call()
    await warm.until(lambda: len(warm.engine.sessions) == 4)
    assert len(open_sessions(warm)) == 2
    await warm.hang_up(call)


async def test_a_warm_session_is_not_kept_for_ever(warm: House):
    """It is closed after its time, and a handover then opens a session of its own."""
    call = await live_call(warm)
    assert open_sessions(warm) == ["ada", "max"]
    await warm.clock.advance(600.0)
    assert open_sessions(warm) == ["ada"]
    warm.engine.sessions[0].emit_reply("r1", "Ada here", 10)
    await warm.settle()
    warm.leg.hear_all()
    warm.leg.do(SwitchAsked("max"))
    await warm.until(lambda: len(warm.engine.sessions) >= 3 and warm.engine.sessions[2].told_of(Respond))
    assert warm.engine.sessions[2].told_of(Respond) == [Respond("Max speaking.")]
    await warm.hang_up(call)


async def test_a_warm_session_that_was_lost_is_not_taken(warm: House):
    """Its provider ended it while it waited: it is closed, and the handover opens another."""
    call = await live_call(warm)
    warm.session.emit(SessionLost("expired", expired=True))
    await warm.settle()
    assert open_sessions(warm) == ["ada"]
    warm.engine.sessions[0].emit_reply("r1", "Ada here", 10)
    await warm.settle()
    warm.leg.hear_all()
    warm.leg.do(SwitchAsked("max"))
    await warm.until(lambda: len(warm.engine.sessions) >= 3 and warm.engine.sessions[2].told_of(Respond))
    assert warm.engine.sessions[2].told_of(Respond) == [Respond("Max speaking.")]
    await warm.hang_up(call)


async def test_a_handover_does_not_wait_for_one_that_is_still_opening(tmp_path: Path):
    """It opens its own; the one on its way is not needed any more."""
    house = SlowHouse(tmp_path)
    try:
        house.settings = replace(house.settings, warm_sessions=2)
        house.manager = house.new_manager()
        opening = house.slow.asked
        call = await house.live_call()
        house.session.emit_reply("r1", "Ada here", 10)
        await house.settle()
        house.leg.hear_all()
        await house.until(lambda: house.slow.asked == opening + 2)
        house.leg.do(SwitchAsked("max"))
        await house.settle()
        await house.hang_up(call)
        assert open_sessions(house) == []
    finally:
        await house.close()


async def test_agents_that_can_take_over_in_place_need_none(house: House):
    """An engine that changes voice and model in a session keeps no other open."""
    house.settings = replace(house.settings, warm_sessions=2)
    house.manager = house.new_manager()
    call = await house.live_call()
    await house.settle()
    assert len(house.engine.sessions) == 1
    await house.hang_up(call)


async def test_one_session_serves_every_agent_of_its_model(warm: House):
    """A session that has not spoken takes any voice: three targets, one warm session."""
    with warm.database.writing() as session:
        for number, slug in enumerate(("bea", "cyd")):
            profile = AgentProfile(slug, slug.title(), pubkey="d" * 64)
            agents.create_agent(session, f"{number + 5}" * 32, profile, warm.clock.utc_ms())
    call = await live_call(warm)
    await warm.settle()
    assert len(warm.engine.sessions) == 2
    await warm.hang_up(call)


async def test_a_failure_to_open_one_is_no_failure_of_the_call(warm: House):
    """The caller hears nothing of it."""
    warm.engine.refuse = lambda: None
    task = warm.start()
    while not warm.engine.sessions:
        await warm.clock.settle()
        warm.engine.refuse = lambda: ConnectFailed("full") if warm.engine.sessions else None
    await warm.settle()
    assert not task.done()
    assert len(warm.engine.sessions) == 1
    await warm.hang_up(task)


def test_all_calls_together_have_a_bound():
    """Beyond it calls go on without warm sessions; a call that ended gives its places back."""
    limit = WarmLimit(1)
    assert limit.take()
    assert not limit.take()
    limit.free()
    assert limit.take()
