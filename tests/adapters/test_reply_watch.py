from __future__ import annotations

import asyncio

import pytest

from agentvoice.adapters.reply_watch import REPLY_SETTLE_S, ReplyWatch
from agentvoice.core.leg import CallStatus
from tests.fakes.clock import ManualClock

TIMEOUT_S = 15.0
BUSY = (
    CallStatus.HEARING,
    CallStatus.THINKING,
    CallStatus.SPEAKING,
    CallStatus.SWITCHING,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watch(clock: ManualClock) -> ReplyWatch:
    return ReplyWatch(clock, TIMEOUT_S)


def begin(watch: ReplyWatch) -> asyncio.Task[None]:
    return asyncio.create_task(watch.wait(REPLY_SETTLE_S))


async def test_a_reply_is_over_when_the_call_listened_for_a_moment(clock: ManualClock, watch: ReplyWatch):
    """The settle time runs from the moment the call listens again."""
    watch.caller_spoke()
    watch.show_status(CallStatus.THINKING)
    waiting = begin(watch)
    await clock.advance(2.0)
    watch.show_status(CallStatus.SPEAKING)
    await clock.advance(2.0)
    watch.show_status(CallStatus.LISTENING)
    await clock.advance(REPLY_SETTLE_S - 0.01)
    assert not waiting.done()
    await clock.advance(0.01)
    assert waiting.done()
    assert not watch.is_owed


async def test_a_handover_between_two_replies_is_waited_through(clock: ManualClock, watch: ReplyWatch):
    """Listening for less than the settle time is no end: the next agent's words are waited for."""
    watch.caller_spoke()
    waiting = begin(watch)
    for status in (CallStatus.SPEAKING, CallStatus.LISTENING, CallStatus.SWITCHING, CallStatus.LISTENING):
        watch.show_status(status)
        await clock.advance(REPLY_SETTLE_S / 2)
    watch.show_status(CallStatus.SPEAKING)
    await clock.advance(5)
    assert not waiting.done()
    watch.show_status(CallStatus.LISTENING)
    await clock.advance(REPLY_SETTLE_S)
    assert waiting.done()


async def test_an_owed_reply_is_waited_for_while_the_call_listens(clock: ManualClock, watch: ReplyWatch):
    """Before the engine has found the end of the turn the call still listens: that is no reply."""
    watch.show_status(CallStatus.LISTENING)
    await clock.advance(10)
    watch.caller_spoke()
    waiting = begin(watch)
    await clock.advance(TIMEOUT_S - 0.01)
    assert not waiting.done()
    await clock.advance(0.01)
    assert waiting.done()


async def test_nothing_owed_is_not_waited_for(clock: ManualClock, watch: ReplyWatch):
    """A call that has listened for long enough lets the caller go on at once."""
    watch.show_status(CallStatus.LISTENING)
    await clock.advance(REPLY_SETTLE_S)
    waiting = begin(watch)
    await clock.settle()
    assert waiting.done()


@pytest.mark.parametrize("status", BUSY)
async def test_a_busy_call_is_waited_for(clock: ManualClock, watch: ReplyWatch, status: CallStatus):
    """Whatever the call does but listen, the caller waits, up to the limit."""
    watch.show_status(CallStatus.LISTENING)
    watch.show_status(status)
    waiting = begin(watch)
    await clock.advance(TIMEOUT_S - 0.01)
    assert not waiting.done()
    await clock.advance(0.01)
    assert waiting.done()


async def test_a_long_reply_does_not_run_into_the_limit(clock: ManualClock, watch: ReplyWatch):
    """The limit runs from the last sound that was heard."""
    watch.caller_spoke()
    watch.show_status(CallStatus.SPEAKING)
    waiting = begin(watch)
    for _ in range(4):
        await clock.advance(TIMEOUT_S - 1)
        watch.reply_heard()
    assert not waiting.done()
    await clock.advance(TIMEOUT_S)
    assert waiting.done()


@pytest.mark.parametrize("status", [CallStatus.CONNECTING, CallStatus.RECONNECTING])
async def test_the_limit_stands_still_while_nobody_is_there(
    clock: ManualClock, watch: ReplyWatch, status: CallStatus
):
    """A call that connects is waited for as long as it takes; then the limit begins anew."""
    watch.caller_spoke()
    watch.show_status(status)
    waiting = begin(watch)
    await clock.advance(10 * TIMEOUT_S)
    assert not waiting.done()
    watch.show_status(CallStatus.THINKING)
    await clock.advance(TIMEOUT_S - 0.01)
    assert not waiting.done()
    await clock.advance(0.01)
    assert waiting.done()


async def test_the_end_of_the_call_ends_the_wait(clock: ManualClock, watch: ReplyWatch):
    """Nobody waits for a call that is over."""
    watch.caller_spoke()
    waiting = begin(watch)
    await clock.settle()
    watch.show_status(CallStatus.ENDED)
    await clock.settle()
    assert waiting.done()
    assert watch.has_ended
