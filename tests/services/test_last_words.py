from __future__ import annotations

from agentvoice.core.call import PublicationState
from agentvoice.core.leg import HungUp
from agentvoice.core.speech import CommitInput, ItemDone, SpeechStarted, TurnCommitted
from agentvoice.services.last_words import LAST_WORDS_S
from tests.services.conftest import House


async def test_a_wish_in_the_last_words_is_obeyed(house: House):
    """The caller hangs up before the transcript is there: the call waits for it, and is not published."""
    call = await house.live_call()
    house.session.emit(TurnCommitted("u1"))
    await house.settle()
    house.leg.do(HungUp())
    await house.settle()
    assert not call.done()
    house.session.emit(ItemDone("u1", "Do not publish this, bye."))
    await house.clock.advance(0.2)
    stored = house.call((await call).call_id)
    assert (stored.do_not_publish, stored.publication) == (True, PublicationState.NONE)


async def test_a_turn_that_is_cut_off_is_ended_and_heard(house: House):
    """Hanging up in mid-sentence commits what was said; its words are kept."""
    call = await house.live_call()
    house.session.emit(SpeechStarted(0))
    await house.settle()
    house.leg.do(HungUp())
    await house.settle()
    assert house.session.told_of(CommitInput) == [CommitInput()]
    house.session.emit_turn("u1", "One more thing")
    await house.clock.advance(0.2)
    assert [item.text for item in house.items((await call).call_id)] == ["One more thing"]


async def test_words_that_never_come_do_not_keep_the_call(house: House):
    """After the limit the call ends without them."""
    call = await house.live_call()
    house.session.emit(TurnCommitted("u1"))
    await house.settle()
    house.leg.do(HungUp())
    await house.clock.advance(LAST_WORDS_S + 0.1)
    assert [item.text for item in house.items((await call).call_id)] == [""]


async def test_a_quiet_call_ends_at_once(house: House):
    """Nobody was speaking: there is nothing to wait for."""
    call = await house.live_call()
    house.leg.do(HungUp())
    await house.settle()
    assert call.done()
