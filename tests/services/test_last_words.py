from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.call import PublicationState
from agentvoice.core.leg import CallerText, DoNotPublishPressed, HungUp, LegEvent
from agentvoice.core.speech import CommitInput, ItemDone, SpeechStarted, TurnCommitted
from agentvoice.services.last_words import LAST_WORDS_S
from agentvoice.services.publishing_wish import NOTICE_NOT_PUBLISHED
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


class SlowToClose:
    """A session whose closing waits until it is let."""

    def __init__(self, house: House) -> None:
        self.begun = asyncio.Event()
        self.let = asyncio.Event()
        self._close = house.session.close
        house.session.close = self.close  # type: ignore[method-assign] # the session's own closing, later

    async def close(self) -> None:
        self.begun.set()
        await self.let.wait()
        await self._close()


@pytest.mark.parametrize("late", [DoNotPublishPressed(), CallerText("Do not publish this.")])
async def test_a_wish_while_the_call_closes_is_obeyed(house: House, late: LegEvent):
    """Its agent has ended it and its session takes its time: pressed or typed now, the wish still holds."""
    call = await house.live_call()
    house.session.emit_turn("u1", "Hello")
    await house.settle()
    slow = SlowToClose(house)
    house.manager.end(house.manager.live_calls[0])
    await house.until(slow.begun.is_set)
    house.leg.do(CallerText("One more thing"), late)
    await house.settle()
    slow.let.set()
    stored = house.call((await call).call_id)
    assert (stored.do_not_publish, stored.publication) == (True, PublicationState.NONE)
    assert [item.text for item in house.items(stored.id)] == ["Hello", NOTICE_NOT_PUBLISHED]
