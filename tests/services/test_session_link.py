from __future__ import annotations

import asyncio

import pytest

from agentvoice.core.agent import AgentProfile
from agentvoice.core.engine import SessionConfig
from agentvoice.core.speech import (
    AppendAudio,
    CancelResponse,
    ClearInput,
    ResponseEnded,
    ResponseStarted,
    ResponseStatus,
    SessionLost,
    SessionReady,
    SpeechEvent,
    SpeechStarted,
    UsageReported,
)
from agentvoice.services.session_link import BILL_WAIT_S, SessionLink
from tests.fakes.clock import ManualClock
from tests.fakes.speech_session import FakeEngine, sound

CONFIG = SessionConfig(AgentProfile("ada", "Ada"), "be kind")


async def test_sound_in_a_gap_reaches_the_next_session():
    """What the caller says while no session is joined is kept, newest first to stay, and counted."""
    engine = FakeEngine()
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, lambda event: None, ManualClock(), gap_bound_ms=60)
        for ms in (20, 21, 22, 23):
            assert not link.append(sound(ms))
        link.send(ClearInput())  # nobody to take it
        session = await engine.open(CONFIG)
        link.join(engine, session)
        assert link.release() == 45
        assert [command.chunk.duration_ms for command in session.told_of(AppendAudio)] == [22, 23]
        assert link.gap_lost_ms == 41
        assert link.append(sound(20))
        await link.leave()
    assert session.is_closed


async def test_held_sound_waits_for_the_release():
    """During a handover the old session stays joined but gets no more of the caller's sound."""
    engine = FakeEngine()
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, lambda event: None, ManualClock(), gap_bound_ms=1_000)
        session = await engine.open(CONFIG)
        link.join(engine, session)
        link.hold()
        assert not link.append(sound(20))
        assert session.told == []
        assert link.release() == 20
        assert len(session.told) == 1
        await link.leave()


async def test_a_session_that_was_left_no_longer_counts():
    """Events of a session that was replaced are not heard."""
    heard: list[SpeechEvent] = []
    engine = FakeEngine()
    clock = ManualClock()
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, heard.append, clock, gap_bound_ms=0)
        old = await engine.open(CONFIG)
        link.join(engine, old)
        await clock.settle()
        await link.leave()
        old.emit(SessionReady("late"))
        link.join(engine, await engine.open(CONFIG))
        engine.session.emit(SessionReady("new"))
        await clock.settle()
        assert heard == [SessionReady("new")]
        await link.leave()


async def test_a_session_that_ends_without_a_word_is_lost():
    """The end of its events is told as a loss, once, unless we closed it."""
    heard: list[SpeechEvent] = []
    engine = FakeEngine()
    clock = ManualClock()
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, heard.append, clock, gap_bound_ms=0)
        link.join(engine, await engine.open(CONFIG))
        await engine.session.close()
        await clock.settle()
        assert heard == [SessionLost("the session ended without a word")]
        link.join(engine, await engine.open(CONFIG))
        engine.session.emit(SessionLost("gone", expired=True))
        await clock.settle()
        assert heard[1:] == [SessionLost("gone", expired=True)]
        await link.leave()


@pytest.mark.parametrize("answers", [True, False])
async def test_a_reply_that_is_left_is_still_billed(answers: bool):
    """It is cancelled, and what it used is told; the wait for that is bounded, and nothing else counts."""
    heard: list[SpeechEvent] = []
    engine, clock = FakeEngine(), ManualClock()
    bill = UsageReported("r1", "gpt-realtime-2.1", output_audio_tokens=7)
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, heard.append, clock, gap_bound_ms=0)
        old = await engine.open(CONFIG)
        link.join(engine, old)
        old.emit(ResponseStarted("r1"))
        await clock.settle()
        link.part()
        assert old.told_of(CancelResponse) == [CancelResponse("r1")]
        link.join(engine, await engine.open(CONFIG))
        if answers:
            old.emit(SpeechStarted(0), bill, ResponseEnded("r1", ResponseStatus.CANCELLED))
            await clock.settle()
        else:
            await clock.advance(BILL_WAIT_S)
        assert old.is_closed
        assert heard == [ResponseStarted("r1"), *([bill] if answers else [])]
        await link.leave()


async def test_a_session_that_told_it_is_ready_long_ago_is_ready_once_joined():
    """A warm session's word was heard by nobody: what waited for it is told when the gap is over."""
    heard: list[SpeechEvent] = []
    engine, clock = FakeEngine(), ManualClock()
    async with asyncio.TaskGroup() as group:
        link = SessionLink(group, heard.append, clock, gap_bound_ms=1_000)
        link.append(sound(20))
        link.join(engine, await engine.open(CONFIG))
        await clock.settle()
        assert heard == []
        link.release()
        assert heard == [SessionReady("")]
        await link.leave()
